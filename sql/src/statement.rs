//! [`Statement`]: one statement, read from its text.

use crate::{SqlError, functions::TO_VECTOR, parameter, system, write};
use datafusion::sql::sqlparser::{
    ast::{
        self, CastKind, DataType, Expr, Fetch, Function, FunctionArg, FunctionArgExpr,
        FunctionArgumentList, FunctionArguments, Ident, LimitClause, ObjectName, Query, SetExpr,
        TableFactor, Value, VisitMut, VisitorMut,
    },
    dialect::PostgreSqlDialect,
    parser::Parser,
};
use std::{collections::HashMap, ops::ControlFlow};

/// The longest text of statements, in bytes.
const MAX_TEXT: usize = 16 << 20;
/// The most statements in one text.
const MAX_STATEMENTS: usize = 1_000;
/// The deepest nesting that is read.
pub(crate) const MAX_DEPTH: usize = 64;

/// One statement, read from its text.
#[derive(Debug, Clone)]
pub struct Statement {
    pub(crate) ast: ast::Statement,
    /// How many parameters it has.
    pub parameters: usize,
}

impl Statement {
    /// Reads all statements of a text.
    pub fn parse(text: &str) -> Result<Vec<Self>, SqlError> {
        if text.len() > MAX_TEXT {
            let said = format!("the statement has more than {MAX_TEXT} bytes");
            return Err(SqlError::invalid(said).with_code("54000"));
        }
        let parser = Parser::new(&PostgreSqlDialect {}).with_recursion_limit(MAX_DEPTH);
        let read = parser.try_with_sql(text)?.parse_statements()?;
        if read.len() > MAX_STATEMENTS {
            let said = format!("more than {MAX_STATEMENTS} statements in one text");
            return Err(SqlError::invalid(said).with_code("54000"));
        }
        read.into_iter().map(Self::of).collect()
    }

    fn of(mut ast: ast::Statement) -> Result<Self, SqlError> {
        if let ControlFlow::Break(error) = ast.visit(&mut Normalise) {
            return Err(*error);
        }
        Ok(Self::of_ast(ast))
    }

    /// Whether it only reads, or changes nothing but its session.
    pub fn is_read(&self) -> bool {
        !matches!(
            self.ast,
            ast::Statement::Insert(_)
                | ast::Statement::Update(_)
                | ast::Statement::Delete(_)
                | ast::Statement::CreateTable(_)
                | ast::Statement::AlterTable(_)
                | ast::Statement::Truncate { .. }
                | ast::Statement::Drop { .. }
        )
    }

    /// A statement that was read as part of another.
    pub(crate) fn of_ast(ast: ast::Statement) -> Self {
        // what is prepared gets its values later
        let parameters = match &ast {
            ast::Statement::Prepare { .. } => 0,
            ast => parameter::count(ast),
        };
        Self { ast, parameters }
    }

    /// The table that it writes to, where it writes.
    pub fn target(&self) -> Option<String> {
        let name = match &self.ast {
            ast::Statement::Insert(insert) => match &insert.table {
                ast::TableObject::TableName(name) => Some(name),
                _ => None,
            },
            ast::Statement::Update(update) => relation(&update.table),
            ast::Statement::Delete(delete) => {
                let (ast::FromTable::WithFromKeyword(tables)
                | ast::FromTable::WithoutKeyword(tables)) = &delete.from;
                tables.first().and_then(relation)
            }
            ast::Statement::CreateTable(table) => Some(&table.name),
            ast::Statement::Drop { names, .. } => names.first(),
            _ => None,
        };
        name.and_then(|name| write::table_name(name).ok())
    }

    /// Whether it is about nothing but its session.
    pub fn is_of_session(&self) -> bool {
        matches!(
            self.ast,
            ast::Statement::Set(_)
                | ast::Statement::Reset(_)
                | ast::Statement::StartTransaction { .. }
                | ast::Statement::Commit { .. }
                | ast::Statement::Rollback { .. }
                | ast::Statement::Savepoint { .. }
                | ast::Statement::ReleaseSavepoint { .. }
                | ast::Statement::Prepare { .. }
                | ast::Statement::Execute { .. }
                | ast::Statement::Deallocate { .. }
                | ast::Statement::Discard { .. }
        )
    }
}

fn relation(table: &ast::TableWithJoins) -> Option<&ObjectName> {
    match &table.relation {
        TableFactor::Table { name, .. } => Some(name),
        _ => None,
    }
}

/// Brings what PostgreSQL writes into the form that the planner takes, and refuses what the planner would
/// pass over.
struct Normalise;

impl VisitorMut for Normalise {
    type Break = Box<SqlError>;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<Self::Break> {
        let refused = if !query.locks.is_empty() {
            Some("FOR UPDATE and FOR SHARE")
        } else if query.settings.is_some() || query.format_clause.is_some() {
            Some("SETTINGS and FORMAT")
        } else if matches!(
            *query.body,
            SetExpr::Insert(_) | SetExpr::Update(_) | SetExpr::Delete(_) | SetExpr::Merge(_)
        ) {
            Some("a write within a query")
        } else {
            None
        };
        if let Some(feature) = refused {
            return ControlFlow::Break(Box::new(SqlError::unsupported(feature)));
        }
        system::empty_order(query);
        fetch_as_limit(query)
    }

    fn pre_visit_select(&mut self, select: &mut ast::Select) -> ControlFlow<Self::Break> {
        if select.into.is_some() {
            return ControlFlow::Break(Box::new(SqlError::unsupported("SELECT INTO")));
        }
        system::select(select);
        name_repeated(select);
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        system::table(factor);
        ControlFlow::Continue(())
    }

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Self::Break> {
        system::expression(expr);
        if let Expr::Cast {
            kind: CastKind::Cast | CastKind::DoubleColon,
            expr: inner,
            data_type: DataType::Custom(name, modifiers),
            array: false,
            ..
        } = expr
            && is_vector(name)
        {
            *expr = vector_cast(inner, modifiers);
        }
        ControlFlow::Continue(())
    }
}

/// Names the columns of a select that would have the same name: the planner tells them apart by it.
fn name_repeated(select: &mut ast::Select) {
    let mut seen: HashMap<String, usize> = HashMap::new();
    for item in &mut select.projection {
        let ast::SelectItem::UnnamedExpr(expr) = item else {
            continue;
        };
        if matches!(expr, Expr::Identifier(_) | Expr::CompoundIdentifier(_)) {
            continue;
        }
        let name = without_cast(expr).to_string();
        let times = seen.entry(name.clone()).or_default();
        *times += 1;
        if *times > 1 {
            *item = ast::SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias: Ident::with_quote('"', format!("{name}_{times}")),
            };
        }
    }
}

/// What is cast: the planner does not count casts to the name.
fn without_cast(expr: &Expr) -> &Expr {
    match expr {
        Expr::Cast { expr: inner, .. } | Expr::Nested(inner) => without_cast(inner),
        expr => expr,
    }
}

/// A query out of a text that we wrote.
pub(crate) fn parse_query(text: &str) -> Result<Query, SqlError> {
    let mut parser = Parser::new(&PostgreSqlDialect {}).try_with_sql(text)?;
    Ok(*parser.parse_query()?)
}

/// A name in SQL's quotes.
pub(crate) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// Whether a type's name is that of vectors.
pub(crate) fn is_vector(name: &ObjectName) -> bool {
    let last = name.0.last().and_then(|part| part.as_ident());
    last.is_some_and(|ident| ident.value.eq_ignore_ascii_case("vector"))
}

fn vector_cast(inner: &Expr, modifiers: &[String]) -> Expr {
    let arg = |expr: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    let mut args = vec![arg(inner.clone())];
    if let Some(dim) = modifiers.first() {
        let dim = Value::Number(dim.clone(), false);
        args.push(arg(Expr::Value(dim.into())));
    }
    Expr::Function(Function {
        name: ObjectName::from(Ident::new(TO_VECTOR)),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args,
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

/// `FETCH FIRST n ROWS ONLY` is `LIMIT n`.
fn fetch_as_limit(query: &mut Query) -> ControlFlow<Box<SqlError>> {
    let Some(Fetch {
        with_ties,
        percent,
        quantity,
    }) = query.fetch.take()
    else {
        return ControlFlow::Continue(());
    };
    if with_ties || percent {
        let feature = "FETCH WITH TIES or PERCENT";
        return ControlFlow::Break(Box::new(SqlError::unsupported(feature)));
    }
    let one = || Expr::Value(Value::Number("1".to_owned(), false).into());
    let first = Some(quantity.unwrap_or_else(one));
    match &mut query.limit_clause {
        Some(LimitClause::LimitOffset { limit, .. }) if limit.is_none() => *limit = first,
        None => {
            query.limit_clause = Some(LimitClause::LimitOffset {
                limit: first,
                offset: None,
                limit_by: vec![],
            });
        }
        Some(_) => {
            let text = "both LIMIT and FETCH";
            return ControlFlow::Break(Box::new(SqlError::invalid(text)));
        }
    }
    ControlFlow::Continue(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str) -> String {
        let read = Statement::parse(text).map(|all| all[0].ast.to_string());
        read.unwrap_or_else(|error| error.to_string())
    }

    #[test]
    fn should_read_casts_to_vector_and_fetch() {
        assert_eq!(
            shown("SELECT '[1]'::vector(1), CAST($1 AS vector) FETCH FIRST 3 ROWS ONLY"),
            "SELECT to_vector('[1]', 1), to_vector($1) LIMIT 3"
        );
    }

    #[test]
    fn should_tell_repeated_columns_apart() {
        assert_eq!(
            shown("SELECT 7::smallint, 7::int, a, a, f(1), 7 AS x"),
            "SELECT 7::SMALLINT, 7::INT AS \"7_2\", a, a, f(1), 7 AS x"
        );
    }

    #[test]
    fn should_refuse_what_would_be_passed_over() {
        for (text, said) in [
            (
                "SELECT 1 FROM t FOR UPDATE",
                "FOR UPDATE and FOR SHARE is not supported yet",
            ),
            ("SELECT 1 INTO t", "SELECT INTO is not supported yet"),
            (
                "WITH a AS (DELETE FROM t) SELECT 1",
                "a write within a query is not supported yet",
            ),
        ] {
            assert_eq!(shown(text), said);
        }
        assert!(shown("SELECT embedding <+> 'x'").starts_with("syntax error"));
        let deep = format!("SELECT {}1{}", "(".repeat(500), ")".repeat(500));
        assert_eq!(
            shown(&deep),
            "syntax error: the statement is nested too deeply"
        );
    }
}

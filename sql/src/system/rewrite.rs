//! What clients write of PostgreSQL's catalog, as the planner takes it.

use super::{EMPTY, PG_CATALOG, TABLES};
use datafusion::sql::sqlparser::ast::{
    BinaryOperator, CastKind, DataType, Expr, Function, FunctionArg, FunctionArgExpr,
    FunctionArgumentList, FunctionArguments, GroupByExpr, Ident, JoinOperator, ObjectName,
    ObjectNamePart, Query, Select, SelectItem, SetExpr, TableFactor, Value,
};
use std::collections::HashSet;

/// Functions that give a row also where there is none.
const AGGREGATES: [&str; 9] = [
    "count",
    "sum",
    "min",
    "max",
    "avg",
    "string_agg",
    "array_agg",
    "bool_and",
    "bool_or",
];

/// Names a table of the catalog in full: PostgreSQL looks there first.
pub(crate) fn table(factor: &mut TableFactor) {
    let TableFactor::Table {
        name, args: None, ..
    } = factor
    else {
        return;
    };
    if let Some(known) = known(name) {
        let parts = [Ident::new(PG_CATALOG), Ident::new(known)];
        name.0 = parts.into_iter().map(ObjectNamePart::Identifier).collect();
    }
}

/// The table of the catalog that a name means.
fn known(name: &ObjectName) -> Option<&'static str> {
    let parts: Option<Vec<&Ident>> = name.0.iter().map(ObjectNamePart::as_ident).collect();
    let table = match parts?.as_slice() {
        [table] => *table,
        [schema, table] if schema.value.eq_ignore_ascii_case(PG_CATALOG) => *table,
        _ => return None,
    };
    let all = TABLES.iter().chain(&EMPTY);
    all.copied()
        .find(|known| table.value.eq_ignore_ascii_case(known))
}

fn is_empty_table(factor: &TableFactor) -> bool {
    let TableFactor::Table {
        name, args: None, ..
    } = factor
    else {
        return false;
    };
    known(name).is_some_and(|known| EMPTY.contains(&known))
}

/// Whether a select gives no row, because it needs one of a table that has none.
fn is_empty(select: &Select) -> bool {
    let grouped = !matches!(&select.group_by, GroupByExpr::Expressions(by, _) if by.is_empty());
    let aggregates = select.projection.iter().any(|item| match item {
        SelectItem::UnnamedExpr(Expr::Function(call))
        | SelectItem::ExprWithAlias {
            expr: Expr::Function(call),
            ..
        } => last(&call.name).is_some_and(|name| AGGREGATES.contains(&name.as_str())),
        _ => false,
    });
    if grouped || aggregates {
        return false;
    }
    select.from.iter().any(|from| {
        let keeps_left = |operator: &JoinOperator| {
            matches!(
                operator,
                JoinOperator::Join(_)
                    | JoinOperator::Inner(_)
                    | JoinOperator::CrossJoin(_)
                    | JoinOperator::Left(_)
                    | JoinOperator::LeftOuter(_)
            )
        };
        let inner = |operator: &JoinOperator| {
            matches!(
                operator,
                JoinOperator::Join(_) | JoinOperator::Inner(_) | JoinOperator::CrossJoin(_)
            )
        };
        let plain = from
            .joins
            .iter()
            .all(|join| keeps_left(&join.join_operator));
        let joined = |join: &datafusion::sql::sqlparser::ast::Join| {
            inner(&join.join_operator) && is_empty_table(&join.relation)
        };
        plain && (is_empty_table(&from.relation) || from.joins.iter().any(joined))
    })
}

/// Makes a select that gives no row one that reads no table.
pub(crate) fn select(select: &mut Select) {
    if !is_empty(select) {
        return;
    }
    let mut names = HashSet::new();
    for item in &mut select.projection {
        let mut name = shown_name(item);
        while !names.insert(name.clone()) {
            name.push('_');
        }
        let null = Expr::Value(Value::Null.into());
        *item = SelectItem::ExprWithAlias {
            expr: cast(null, DataType::Text),
            alias: Ident::with_quote('"', name),
        };
    }
    select.from.clear();
    select.distinct = None;
    select.selection = Some(Expr::Value(Value::Boolean(false).into()));
}

/// Leaves out the order of a query that gives no row.
pub(crate) fn empty_order(query: &mut Query) {
    if let SetExpr::Select(select) = query.body.as_ref()
        && is_empty(select)
    {
        query.order_by = None;
    }
}

fn shown_name(item: &SelectItem) -> String {
    let name = match item {
        SelectItem::ExprWithAlias { alias, .. } => return alias.value.clone(),
        SelectItem::UnnamedExpr(expr) => match expr {
            Expr::Identifier(ident) => Some(ident.value.clone()),
            Expr::CompoundIdentifier(parts) => parts.last().map(|ident| ident.value.clone()),
            Expr::Function(call) => last(&call.name),
            _ => None,
        },
        _ => None,
    };
    name.unwrap_or_else(|| "?column?".to_owned())
}

fn last(name: &ObjectName) -> Option<String> {
    let ident = name.0.last()?.as_ident()?;
    Some(ident.value.to_ascii_lowercase())
}

fn cast(expr: Expr, data_type: DataType) -> Expr {
    Expr::Cast {
        kind: CastKind::Cast,
        expr: Box::new(expr),
        data_type,
        array: false,
        format: None,
    }
}

/// Brings an expression of PostgreSQL's catalog queries into the planner's form.
pub(crate) fn expression(expr: &mut Expr) {
    match expr {
        Expr::Collate { expr: inner, .. } => *expr = (**inner).clone(),
        Expr::BinaryOp { op, .. } => {
            if let BinaryOperator::PGCustomBinaryOperator(name) = op
                && let Some(plain) = name.last().and_then(|name| operator(name))
            {
                *op = plain;
            }
        }
        Expr::Function(call) => {
            let is_ours = call.name.0.len() == 2
                && call
                    .name
                    .0
                    .first()
                    .and_then(ObjectNamePart::as_ident)
                    .is_some_and(|schema| schema.value.eq_ignore_ascii_case(PG_CATALOG));
            if is_ours {
                call.name.0.remove(0);
            }
        }
        Expr::Cast {
            expr: inner,
            data_type,
            array: false,
            ..
        } => {
            if let Some(plain) = plain_cast(inner, data_type) {
                *expr = plain;
            }
        }
        _ => {}
    }
}

fn operator(name: &str) -> Option<BinaryOperator> {
    Some(match name {
        "~" => BinaryOperator::PGRegexMatch,
        "!~" => BinaryOperator::PGRegexNotMatch,
        "~*" => BinaryOperator::PGRegexIMatch,
        "!~*" => BinaryOperator::PGRegexNotIMatch,
        "=" => BinaryOperator::Eq,
        "<>" => BinaryOperator::NotEq,
        _ => return None,
    })
}

/// What a cast to a type of the catalog is.
fn plain_cast(inner: &Expr, ty: &DataType) -> Option<Expr> {
    let name = match ty {
        DataType::Regclass => "regclass".to_owned(),
        DataType::Custom(name, modifiers) if modifiers.is_empty() => last(name)?,
        _ => return None,
    };
    let literal =
        matches!(inner, Expr::Value(value) if matches!(value.value, Value::SingleQuotedString(_)));
    Some(match name.as_str() {
        "oid" | "xid" | "int8" => cast(inner.clone(), DataType::BigInt(None)),
        "int2" | "int4" => cast(inner.clone(), DataType::Integer(None)),
        "text" | "name" | "char" | "regproc" => cast(inner.clone(), DataType::Text),
        "bool" => cast(inner.clone(), DataType::Boolean),
        "regclass" if literal => call("to_regclass", vec![inner.clone()]),
        "regtype" if literal => call("to_regtype", vec![inner.clone()]),
        "regtype" => call(
            "format_type",
            vec![inner.clone(), Expr::Value(Value::Null.into())],
        ),
        "regnamespace" if literal => call("to_regnamespace", vec![inner.clone()]),
        _ => return None,
    })
}

fn call(name: &str, args: Vec<Expr>) -> Expr {
    let arg = |expr: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(expr));
    Expr::Function(Function {
        name: ObjectName::from(Ident::new(name)),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(FunctionArgumentList {
            duplicate_treatment: None,
            args: args.into_iter().map(arg).collect(),
            clauses: vec![],
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: vec![],
    })
}

#[cfg(test)]
mod tests {
    use crate::Statement;

    fn shown(text: &str) -> String {
        let read = Statement::parse(text).unwrap();
        read[0].ast.to_string()
    }

    #[test]
    fn should_read_what_clients_ask() {
        assert_eq!(
            shown(
                "SELECT c.oid FROM pg_class c LEFT JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace \
                 WHERE c.relname OPERATOR(pg_catalog.~) '^(docs)$' COLLATE pg_catalog.default \
                 AND pg_catalog.pg_table_is_visible(c.oid)"
            ),
            "SELECT c.oid FROM pg_catalog.pg_class c LEFT JOIN pg_catalog.pg_namespace n \
             ON n.oid = c.relnamespace WHERE c.relname ~ '^(docs)$' AND pg_table_is_visible(c.oid)"
        );
        assert_eq!(
            shown(
                "SELECT 'vector'::regtype, oid::regtype::text, 'a'::pg_catalog.regclass::oid FROM pg_type"
            ),
            "SELECT to_regtype('vector'), format_type(oid, NULL)::TEXT, CAST(to_regclass('a') AS BIGINT) \
             FROM pg_catalog.pg_type"
        );
    }

    #[test]
    fn should_leave_out_what_is_empty() {
        let empty =
            "SELECT CAST(NULL AS TEXT) AS \"polname\", CAST(NULL AS TEXT) AS \"x\" WHERE false";
        assert_eq!(
            shown(
                "SELECT p.polname, array(SELECT 1) AS x FROM pg_policy p WHERE p.polrelid = '5' ORDER BY 1"
            ),
            empty
        );
        assert_eq!(
            shown("SELECT polname, 1 AS x FROM pg_class c, pg_catalog.pg_policy p"),
            empty
        );
        // there is a row all the same
        let kept = "SELECT count(*) FROM pg_catalog.pg_policy";
        assert_eq!(shown(kept), kept);
        let kept = "SELECT 1 FROM pg_catalog.pg_class LEFT JOIN pg_catalog.pg_policy ON true";
        assert_eq!(shown(kept), kept);
    }
}

//! [`Calls`]: `vector_search` and `text_search` in FROM.
//!
//! Each becomes a query of its own, whose LIMIT keeps what stands around it out of the search:
//!
//! ```text
//! vector_search('docs', 'embedding', q, 5, 'price < 10')
//!   ⇒ (SELECT *, distance AS _distance FROM docs WHERE price < 10 ORDER BY _distance LIMIT 5)
//! ```

mod arguments;

use crate::{
    SqlError, Statement,
    catalog::Pinned,
    plan::{SCORE, TextQuery},
    statement::quoted,
};
use arguments::Arguments;
use datafusion::{
    common::TableReference,
    sql::sqlparser::ast::{
        self, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Ident, ObjectName,
        TableAlias, TableFactor, Value, VisitMut, VisitorMut, visit_expressions_mut,
    },
};
use isobath_storage::model::{AttributeName, Metric, Namespace};
use std::ops::ControlFlow;

/// The column of the distances.
const DISTANCE: &str = "_distance";
/// Stands for the distance of a column until the column's metric is known.
const UNKNOWN_DISTANCE: &str = "$distance";
/// The most calls in one statement.
const MAX_CALLS: usize = 64;

/// The searches that a statement calls in FROM.
#[derive(Debug, Default)]
pub(crate) struct Calls {
    /// The tables that they search.
    pub(crate) tables: Vec<TableReference>,
    /// Searches for texts; each stands under a name in the statement.
    pub(crate) texts: Vec<TextCall>,
}

/// A search for a text, and the name of its rows in the statement.
#[derive(Debug)]
pub(crate) struct TextCall {
    pub(crate) name: String,
    pub(crate) table: String,
    pub(crate) query: TextQuery,
}

impl Calls {
    /// Puts queries in the places of the calls.
    pub(crate) fn expand(statement: &mut ast::Statement) -> Result<Self, SqlError> {
        let mut calls = Self::default();
        match statement.visit(&mut calls) {
            ControlFlow::Continue(()) => Ok(calls),
            ControlFlow::Break(error) => Err(*error),
        }
    }

    fn expanded(&mut self, name: &str, args: Arguments) -> Result<ast::Query, SqlError> {
        if self.tables.len() >= MAX_CALLS {
            let said = format!("more than {MAX_CALLS} searches in one statement");
            return Err(SqlError::invalid(said).with_code("54000"));
        }
        self.tables.push(TableReference::bare(args.table.clone()));
        let filter = args.filter.as_ref();
        let filter = filter.map_or_else(String::new, |filter| format!(" WHERE {filter}"));
        let limit = args.limit;
        let text = if name == "vector_search" {
            let (table, column) = (quoted(&args.table), quoted(&args.column));
            let [table_text, column_text] = [&args.table, &args.column].map(|name| literal(name));
            let distance = quoted(UNKNOWN_DISTANCE);
            let query = &args.query;
            format!(
                "SELECT * FROM (SELECT *, {distance}({table_text}, {column_text}, {column}, {query}) AS {DISTANCE} \
                 FROM {table}{filter} ORDER BY {DISTANCE} LIMIT {limit}) AS found WHERE {DISTANCE} IS NOT NULL"
            )
        } else {
            let name = format!("$text_{}", self.texts.len());
            let text = format!(
                "SELECT * FROM {}{filter} ORDER BY {SCORE} DESC, id LIMIT {limit}",
                quoted(&name)
            );
            self.texts.push(text_call(name, args)?);
            text
        };
        let read = Statement::parse(&text)?.pop();
        match read.map(|read| read.ast) {
            Some(ast::Statement::Query(query)) => Ok(*query),
            _ => Err(SqlError::invalid(format!(
                "the filter of {name} is no condition"
            ))),
        }
    }
}

fn text_call(name: String, args: Arguments) -> Result<TextCall, SqlError> {
    let Expr::Value(value) = &args.query else {
        return Err(SqlError::invalid(
            "text_search: the third argument is a text",
        ));
    };
    let Value::SingleQuotedString(text) = &value.value else {
        return Err(SqlError::invalid(
            "text_search: the third argument is a text",
        ));
    };
    let attribute: AttributeName = args.column.parse().map_err(|_| {
        SqlError::invalid(format!("column {:?} does not exist", args.column)).with_code("42703")
    })?;
    Ok(TextCall {
        name,
        table: args.table,
        query: TextQuery {
            attribute,
            text: text.clone(),
            limit: args.limit,
        },
    })
}

/// A text in SQL's quotes.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

impl VisitorMut for Calls {
    type Break = Box<SqlError>;

    fn post_visit_table_factor(&mut self, factor: &mut TableFactor) -> ControlFlow<Self::Break> {
        let TableFactor::Table {
            name,
            args: Some(args),
            alias,
            ..
        } = factor
        else {
            return ControlFlow::Continue(());
        };
        let function = name.to_string().to_ascii_lowercase();
        if !matches!(function.as_str(), "vector_search" | "text_search") {
            return ControlFlow::Continue(());
        }
        let query = Arguments::read(&function, &args.args);
        match query.and_then(|args| self.expanded(&function, args)) {
            Ok(query) => {
                *factor = TableFactor::Derived {
                    lateral: false,
                    subquery: Box::new(query),
                    alias: Some(alias.take().unwrap_or_else(|| alias_of(&function))),
                    sample: None,
                };
                ControlFlow::Continue(())
            }
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    }
}

fn alias_of(name: &str) -> TableAlias {
    TableAlias {
        explicit: true,
        name: Ident::new(name),
        columns: vec![],
        at: None,
    }
}

/// Puts the distances of their columns in the places where they were unknown.
pub(crate) fn name_distances(
    statement: &mut ast::Statement,
    pinned: &Pinned,
) -> Result<(), SqlError> {
    let named = visit_expressions_mut(statement, |expr: &mut Expr| {
        let Expr::Function(call) = expr else {
            return ControlFlow::Continue(());
        };
        match name_distance(call, pinned) {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    });
    match named {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

fn name_distance(call: &mut Function, pinned: &Pinned) -> Result<(), SqlError> {
    let ident = call.name.0.first().and_then(|part| part.as_ident());
    if ident.is_none_or(|ident| ident.value != UNKNOWN_DISTANCE) {
        return Ok(());
    }
    let FunctionArguments::List(list) = &mut call.args else {
        return Ok(());
    };
    let texts: Vec<String> = list.args.iter().take(2).filter_map(text_of).collect();
    let [table, column] = texts.as_slice() else {
        return Ok(());
    };
    let namespace = table.parse::<Namespace>().ok();
    let Some(view) = namespace.and_then(|namespace| pinned.get(&namespace)) else {
        let said = format!("table '{table}' not found");
        return Err(SqlError::new(crate::SqlErrorKind::NotFound, said));
    };
    let metric = view.schema.get(column).and_then(|config| config.metric);
    let function = match metric {
        Some(Metric::EuclideanSquared) => "l2_squared_distance",
        Some(Metric::CosineDistance) => "cosine_distance",
        Some(Metric::DotProduct) => "negative_inner_product",
        None => {
            let said = format!("vector_search: {column:?} is no vector column of table {table:?}");
            return Err(SqlError::invalid(said).with_code("42703"));
        }
    };
    list.args.drain(..2);
    call.name = ObjectName::from(Ident::new(function));
    Ok(())
}

fn text_of(arg: &FunctionArg) -> Option<String> {
    let FunctionArg::Unnamed(FunctionArgExpr::Expr(Expr::Value(value))) = arg else {
        return None;
    };
    match &value.value {
        Value::SingleQuotedString(text) => Some(text.clone()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn expanded(text: &str) -> Result<String, SqlError> {
        let mut read = Statement::parse(text).unwrap();
        let mut statement = read.pop().unwrap().ast;
        Calls::expand(&mut statement)?;
        Ok(statement.to_string())
    }

    #[test]
    fn should_put_queries_in_place_of_calls() {
        let shown = expanded(
            "SELECT id FROM vector_search('my docs', 'v', '[1]', 5, 'a < 1 OR b') WHERE a > 0",
        );
        assert_eq!(
            shown.unwrap(),
            "SELECT id FROM (SELECT * FROM (SELECT *, \"$distance\"('my docs', 'v', \"v\", '[1]') AS _distance \
             FROM \"my docs\" WHERE a < 1 OR b ORDER BY _distance LIMIT 5) AS found WHERE _distance IS NOT NULL) \
             AS vector_search WHERE a > 0"
        );
        let shown = expanded("SELECT * FROM text_search('t', 'x', 'it''s', 3) s");
        assert_eq!(
            shown.unwrap(),
            "SELECT * FROM (SELECT * FROM \"$text_0\" ORDER BY _score DESC, id LIMIT 3) s"
        );
    }

    #[test]
    fn should_refuse_wrong_arguments() {
        for (text, said) in [
            ("vector_search('t', 'v', '[1]')", "takes a table"),
            ("vector_search(t, 'v', '[1]', 5)", "first argument"),
            ("vector_search('t', 'v', '[1]', 'x')", "fourth argument"),
            ("vector_search('t', 'v', '[1]', 5, 'a <')", "syntax error"),
            (
                "vector_search('t', 'v', '[1]', 5, 'a) OR (b')",
                "the filter",
            ),
            ("text_search('t', 'x', 5, 5)", "third argument"),
            ("text_search(t => 't', c => 'x', q => 'y', k => 5)", "named"),
        ] {
            let error = expanded(&format!("SELECT 1 FROM {text}")).unwrap_err();
            assert!(error.message.contains(said), "{text}: {error}");
        }
    }
}

//! [`Arguments`]: what a call of a search says.

use crate::SqlError;
use datafusion::sql::sqlparser::{
    ast::{Expr, FunctionArg, FunctionArgExpr, Value, visit_expressions},
    dialect::PostgreSqlDialect,
    parser::Parser,
    tokenizer::Token,
};
use std::ops::ControlFlow;

/// The most rows of one search.
const MAX_LIMIT: usize = 10_000;

/// What a call of a search says.
#[derive(Debug)]
pub(super) struct Arguments {
    pub(super) table: String,
    pub(super) column: String,
    pub(super) query: Expr,
    /// How many rows.
    pub(super) limit: usize,
    /// What must hold of them.
    pub(super) filter: Option<Expr>,
}

impl Arguments {
    /// Reads the arguments of `function`.
    pub(super) fn read(function: &str, args: &[FunctionArg]) -> Result<Self, SqlError> {
        let wrong =
            |what: &str| SqlError::invalid(format!("{function}: {what}")).with_code("42883");
        let plain = args.iter().map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) => Some(expr),
            _ => None,
        });
        let plain: Option<Vec<&Expr>> = plain.collect();
        let plain = plain.ok_or_else(|| wrong("named arguments are not supported yet"))?;
        let (first, filter) = match plain.as_slice() {
            [table, column, query, limit] => ((*table, *column, *query, *limit), None),
            [table, column, query, limit, filter] => {
                ((*table, *column, *query, *limit), Some(*filter))
            }
            _ => {
                return Err(wrong(
                    "takes a table, a column, what to look for, a number of rows and maybe a filter",
                ));
            }
        };
        let (table, column, query, limit) = first;
        let filter = filter.map(|filter| {
            let text = text(filter).ok_or_else(|| wrong("the filter is a condition as text"))?;
            condition(&text).map_err(|error| wrong(&format!("the filter: {}", error.message)))
        });
        Ok(Self {
            table: text(table)
                .ok_or_else(|| wrong("the first argument is the name of a table as text"))?,
            column: text(column)
                .ok_or_else(|| wrong("the second argument is the name of a column as text"))?,
            query: query.clone(),
            limit: number(limit)
                .ok_or_else(|| wrong("the fourth argument is a number of rows from 1 to 10000"))?,
            filter: filter.transpose()?,
        })
    }
}

fn text(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) => Some(text.clone()),
            _ => None,
        },
        _ => None,
    }
}

fn number(expr: &Expr) -> Option<usize> {
    let Expr::Value(value) = expr else {
        return None;
    };
    let (Value::Number(digits, _) | Value::SingleQuotedString(digits)) = &value.value else {
        return None;
    };
    digits
        .parse()
        .ok()
        .filter(|limit| (1..=MAX_LIMIT).contains(limit))
}

/// A condition, and nothing after it.
fn condition(text: &str) -> Result<Expr, SqlError> {
    let mut parser = Parser::new(&PostgreSqlDialect {})
        .with_recursion_limit(crate::statement::MAX_DEPTH)
        .try_with_sql(text)?;
    let condition = parser.parse_expr()?;
    let nested = visit_expressions(&condition, |expr: &Expr| match expr {
        // it would be met after the search, not within it
        Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => ControlFlow::Break(()),
        _ => ControlFlow::Continue(()),
    });
    if nested.is_break() {
        return Err(SqlError::invalid("it holds a subquery"));
    }
    match parser.next_token().token {
        Token::EOF => Ok(condition),
        other => Err(SqlError::invalid(format!("syntax error at {other}")).with_code("42601")),
    }
}

//! [`Parameter`]: a value given for `$1`, and how it is put into a statement.

use crate::{SqlError, functions::TO_VECTOR};
use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    Statement, Value, visit_expressions_mut,
};
use std::ops::ControlFlow;

/// A value given for a parameter of a statement.
#[derive(Debug, Clone, PartialEq)]
pub enum Parameter {
    /// No value.
    Null,
    /// True or false.
    Bool(bool),
    /// A number in decimal digits.
    Number(String),
    /// Text; it becomes what is needed in its place, as a literal in quotes does.
    Text(String),
    /// Values of one type. Next to a vector they are one.
    Array(Vec<Parameter>),
}

/// Functions whose arguments are vectors.
const VECTOR_FUNCTIONS: [&str; 9] = [
    "l2_distance",
    "array_distance",
    "list_distance",
    "l2_squared_distance",
    "cosine_distance",
    "inner_product",
    "dot_product",
    "negative_inner_product",
    TO_VECTOR,
];

impl Parameter {
    fn expr(&self) -> Expr {
        let value = |value: Value| Expr::Value(value.into());
        match self {
            Self::Null => value(Value::Null),
            Self::Bool(b) => value(Value::Boolean(*b)),
            Self::Number(digits) => value(Value::Number(digits.clone(), false)),
            Self::Text(text) => value(Value::SingleQuotedString(text.clone())),
            Self::Array(items) => Expr::Array(Array {
                elem: items.iter().map(Self::expr).collect(),
                named: true,
            }),
        }
    }

    /// The value where a vector is expected: numbers are written as one text, which is read at once.
    fn vector(&self) -> Expr {
        let Self::Array(items) = self else {
            return self.expr();
        };
        let mut text = String::from("[");
        for item in items {
            let Self::Number(digits) = item else {
                return self.expr();
            };
            if text.len() > 1 {
                text.push(',');
            }
            text.push_str(digits);
        }
        text.push(']');
        Expr::Value(Value::SingleQuotedString(text).into())
    }
}

/// Puts `given` into the places of a statement's parameters, `$1` being the first.
pub(crate) fn bind(statement: &mut Statement, given: &[Parameter]) -> Result<(), SqlError> {
    let bound = visit_expressions_mut(statement, |expr| {
        let done = match expr {
            Expr::BinaryOp { left, op, right } if is_vector_operator(op) => {
                as_vector(left, given).and_then(|()| as_vector(right, given))
            }
            Expr::Function(call) if is_vector_function(call) => as_vectors(call, given),
            Expr::Value(_) => replace(expr, given, Parameter::expr),
            _ => Ok(()),
        };
        match done {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => ControlFlow::Break(Box::new(error)),
        }
    });
    match bound {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(*error),
    }
}

/// How many parameters a statement has: the highest number of one.
pub(crate) fn count(statement: &Statement) -> usize {
    let mut most = 0;
    let _: ControlFlow<()> =
        datafusion::sql::sqlparser::ast::visit_expressions(statement, |expr: &Expr| {
            if let Expr::Value(value) = expr
                && let Value::Placeholder(name) = &value.value
            {
                most = most.max(number(name).unwrap_or(0));
            }
            ControlFlow::Continue(())
        });
    most
}

fn number(name: &str) -> Option<usize> {
    name.strip_prefix('$')?
        .parse()
        .ok()
        .filter(|number| *number > 0)
}

fn replace(
    expr: &mut Expr,
    given: &[Parameter],
    write: fn(&Parameter) -> Expr,
) -> Result<(), SqlError> {
    let Expr::Value(value) = expr else {
        return Ok(());
    };
    let Value::Placeholder(name) = &value.value else {
        return Ok(());
    };
    let parameter = number(name).and_then(|number| given.get(number - 1));
    let Some(parameter) = parameter else {
        let text = format!(
            "there is no value for parameter {name}: {} are given",
            given.len()
        );
        return Err(SqlError::invalid(text).with_code("42P02"));
    };
    *expr = write(parameter);
    Ok(())
}

fn as_vector(expr: &mut Expr, given: &[Parameter]) -> Result<(), SqlError> {
    replace(expr, given, Parameter::vector)
}

fn as_vectors(call: &mut Function, given: &[Parameter]) -> Result<(), SqlError> {
    let FunctionArguments::List(list) = &mut call.args else {
        return Ok(());
    };
    for arg in &mut list.args {
        if let FunctionArg::Unnamed(FunctionArgExpr::Expr(expr)) = arg {
            as_vector(expr, given)?;
        }
    }
    Ok(())
}

fn is_vector_operator(operator: &BinaryOperator) -> bool {
    match operator {
        BinaryOperator::LtDashGt | BinaryOperator::Spaceship => true,
        BinaryOperator::Custom(name) => name == "<#>",
        _ => false,
    }
}

fn is_vector_function(call: &Function) -> bool {
    let name = call.name.0.last().and_then(|part| part.as_ident());
    name.is_some_and(|name| {
        VECTOR_FUNCTIONS
            .iter()
            .any(|known| name.value.eq_ignore_ascii_case(known))
    })
}

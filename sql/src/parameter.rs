//! [`Parameter`]: a value given for `$1`, and how it is put into a statement.

use crate::{SqlError, functions::TO_VECTOR, wire};
use datafusion::sql::sqlparser::ast::{
    Array, BinaryOperator, Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments,
    LimitClause, Query, Statement, UnaryOperator, Value, VisitMut, VisitorMut,
    visit_expressions_mut,
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

/// The value that a literal is.
pub(crate) fn of_literal(expr: &Expr) -> Result<Parameter, SqlError> {
    let other = || SqlError::unsupported(format!("{expr} as the value of a parameter"));
    Ok(match expr {
        Expr::Value(value) => match &value.value {
            Value::Null => Parameter::Null,
            Value::Boolean(b) => Parameter::Bool(*b),
            Value::Number(digits, _) => Parameter::Number(digits.clone()),
            Value::SingleQuotedString(text) => Parameter::Text(text.clone()),
            _ => return Err(other()),
        },
        Expr::UnaryOp {
            op: UnaryOperator::Minus,
            expr: inner,
        } => match of_literal(inner)? {
            Parameter::Number(digits) => Parameter::Number(format!("-{digits}")),
            _ => return Err(other()),
        },
        Expr::Array(array) => Parameter::Array(
            array
                .elem
                .iter()
                .map(of_literal)
                .collect::<Result<_, _>>()?,
        ),
        _ => return Err(other()),
    })
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
    if let ControlFlow::Break(error) = bound {
        return Err(*error);
    }
    let _: ControlFlow<()> = statement.visit(&mut Fitting);
    Ok(())
}

/// Fits values to their places: numbers of rows may come as text, and `= ANY(array)` is a list of values.
struct Fitting;

impl VisitorMut for Fitting {
    type Break = ();

    fn post_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<()> {
        let (left, right, negated) = match expr {
            Expr::AnyOp {
                left,
                compare_op: BinaryOperator::Eq,
                right,
                ..
            } => (left, right, false),
            Expr::AllOp {
                left,
                compare_op: BinaryOperator::NotEq,
                right,
            } => (left, right, true),
            _ => return ControlFlow::Continue(()),
        };
        let Some(list) = values_of(right) else {
            return ControlFlow::Continue(());
        };
        *expr = if list.is_empty() {
            Expr::Value(Value::Boolean(negated).into())
        } else {
            Expr::InList {
                expr: left.clone(),
                list,
                negated,
            }
        };
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, query: &mut Query) -> ControlFlow<()> {
        if let Some(LimitClause::LimitOffset { limit, offset, .. }) = &mut query.limit_clause {
            let offset = offset.as_mut().map(|offset| &mut offset.value);
            for expr in limit.iter_mut().chain(offset) {
                if let Expr::Value(value) = expr
                    && let Value::SingleQuotedString(text) = &value.value
                    && text.parse::<u64>().is_ok()
                {
                    *expr = Expr::Value(Value::Number(text.clone(), false).into());
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// The values of an array that stands in a statement.
fn values_of(array: &Expr) -> Option<Vec<Expr>> {
    match array {
        Expr::Nested(inner) | Expr::Cast { expr: inner, .. } => values_of(inner),
        Expr::Array(array) => Some(array.elem.clone()),
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) if text.starts_with('{') => {
                let items = wire::items_of(text).ok()?;
                Some(items.iter().map(Parameter::expr).collect())
            }
            _ => None,
        },
        _ => None,
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

//! From JSON values to values of one type, which is inferred where it is not known.

use super::{Fault, limits::check_value};
use isobath_storage::model::{
    AttributeName, AttributeType, Column, ScalarType, Value, parse_datetime,
};

/// The column of `values`; `None` where no type is known and none can be told from the values: they
/// are null or empty arrays. An error comes with its row.
pub(super) fn column(
    name: AttributeName,
    known: Option<AttributeType>,
    filterable: bool,
    mut values: Vec<Value>,
) -> Result<Option<Column>, (usize, Fault)> {
    let ty = match known {
        Some(ty) => Some(ty),
        None => infer(&values)?,
    };
    let Some(ty) = ty else {
        return Ok(None);
    };
    for (row, value) in values.iter_mut().enumerate() {
        let fits = convert(ty, value).and_then(|()| check_value(value, filterable));
        fits.map_err(|fault| (row, fault))?;
    }
    let column = Column::from_values(name, ty, &values);
    let broken = || {
        (
            0,
            Fault::invalid(format!("the values are no column of {ty}")),
        )
    };
    column.map(Some).ok_or_else(broken)
}

/// The type that holds all of `values`.
fn infer(values: &[Value]) -> Result<Option<AttributeType>, (usize, Fault)> {
    let mut found: Option<AttributeType> = None;
    for (row, value) in values.iter().enumerate() {
        let of_one = match value {
            Value::Array(items) => {
                let mut item: Option<ScalarType> = None;
                for next in items.iter().filter_map(scalar_type) {
                    item = Some(item.map_or(Some(next), |t| join(t, next)).ok_or_else(|| {
                        (row, Fault::invalid("an array holds values of one type"))
                    })?);
                }
                item.map(AttributeType::Array)
            }
            value => scalar_type(value).map(AttributeType::Scalar),
        };
        found = match (found, of_one) {
            (found, None) => found,
            (None, one) => one,
            (Some(a), Some(b)) => Some(join_types(a, b).ok_or_else(|| {
                let text = format!("the attribute is {a} in other rows, but here it is {b}");
                (row, Fault::invalid(text))
            })?),
        };
    }
    Ok(found)
}

fn join_types(a: AttributeType, b: AttributeType) -> Option<AttributeType> {
    match (a, b) {
        (AttributeType::Scalar(a), AttributeType::Scalar(b)) => {
            join(a, b).map(AttributeType::Scalar)
        }
        (AttributeType::Array(a), AttributeType::Array(b)) => join(a, b).map(AttributeType::Array),
        _ => None,
    }
}

/// The type of numbers of type `a` together with numbers of type `b`.
fn join(a: ScalarType, b: ScalarType) -> Option<ScalarType> {
    use ScalarType::{Float, Int, Uint};
    match (a, b) {
        (a, b) if a == b => Some(a),
        (Int | Uint, Float) | (Float, Int | Uint) => Some(Float),
        (Int, Uint) | (Uint, Int) => Some(Uint),
        _ => None,
    }
}

/// The type of one value as JSON writes it.
fn scalar_type(value: &Value) -> Option<ScalarType> {
    Some(match value {
        Value::Bool(_) => ScalarType::Bool,
        Value::Int(_) => ScalarType::Int,
        Value::Uint(_) => ScalarType::Uint,
        Value::Float(_) => ScalarType::Float,
        Value::String(_) => ScalarType::String,
        _ => return None,
    })
}

/// Turns `value` into one of type `ty`. Null stays.
fn convert(ty: AttributeType, value: &mut Value) -> Result<(), Fault> {
    match (ty, &mut *value) {
        (_, Value::Null) | (AttributeType::Sparse, Value::Sparse(_)) => return Ok(()),
        (AttributeType::Scalar(ty), found) => {
            if let Some(converted) = scalar(ty, found) {
                *found = converted;
                return Ok(());
            }
        }
        (AttributeType::Array(ty), Value::Array(items)) => {
            let converted: Option<Vec<Value>> = items.iter().map(|v| scalar(ty, v)).collect();
            if let Some(converted) = converted {
                *items = converted.into();
                return Ok(());
            }
        }
        _ => {}
    }
    let found = describe(value);
    Err(Fault::invalid(format!("expected {ty}, got {found}")))
}

/// `value` as one of type `ty`, where nothing is lost.
fn scalar(ty: ScalarType, value: &Value) -> Option<Value> {
    Some(match (ty, value) {
        (ScalarType::String, Value::String(_))
        | (ScalarType::Int, Value::Int(_))
        | (ScalarType::Uint, Value::Uint(_))
        | (ScalarType::Float, Value::Float(_))
        | (ScalarType::Bool, Value::Bool(_)) => value.clone(),
        (ScalarType::Uint, Value::Int(n)) => Value::Uint(u64::try_from(*n).ok()?),
        (ScalarType::Float, Value::Int(n)) => Value::Float(float(*n)),
        (ScalarType::Float, Value::Uint(n)) => Value::Float(float_of_uint(*n)),
        (ScalarType::Uuid, Value::String(text)) => Value::Uuid(text.parse().ok()?),
        (ScalarType::Datetime, Value::String(text)) => Value::Datetime(parse_datetime(text)?),
        _ => return None,
    })
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JSON writes a float without a fraction like an integer"
)]
fn float(n: i64) -> f64 {
    n as f64
}

#[expect(
    clippy::cast_precision_loss,
    reason = "JSON writes a float without a fraction like an integer"
)]
fn float_of_uint(n: u64) -> f64 {
    n as f64
}

/// A value in an error's words, cut to a readable length.
pub(crate) fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(b) => format!("the boolean {b}"),
        Value::Int(n) => format!("the integer {n}"),
        Value::Uint(n) => format!("the integer {n}"),
        Value::Float(n) => format!("the float {n}"),
        Value::String(text) => {
            let cut: String = text.chars().take(64).collect();
            format!("the string {cut:?}")
        }
        Value::Array(items) => format!("an array of {} values", items.len()),
        Value::Uuid(_) | Value::Datetime(_) | Value::Vector(_) | Value::Sparse(_) => {
            "another value".into()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ty(known: Option<&str>, values: Vec<Value>) -> Result<Option<String>, String> {
        let known = known.map(|ty| ty.parse().unwrap());
        let column = column("a".parse().unwrap(), known, true, values);
        column
            .map(|column| column.map(|c| c.ty.to_string()))
            .map_err(|(row, fault)| fault.at(row).to_string())
    }

    fn array(items: Vec<Value>) -> Value {
        Value::Array(items.into())
    }

    #[test]
    fn should_infer_the_narrowest_type_that_holds_all() {
        let (int, float) = (Value::Int(1), Value::Float(0.5));
        let big = Value::Uint(u64::MAX);
        for (values, found) in [
            (vec![Value::Null, int.clone()], "int"),
            (vec![int.clone(), float.clone()], "float"),
            (vec![int.clone(), big], "uint"),
            (vec![array(vec![]), array(vec![int, float])], "[]float"),
            (vec![Value::Bool(true)], "bool"),
        ] {
            assert_eq!(ty(None, values), Ok(Some(found.into())));
        }
        assert_eq!(ty(None, vec![Value::Null, array(vec![])]), Ok(None));
    }

    #[test]
    fn should_name_the_row_that_does_not_fit() {
        let text = Value::String("x".into());
        assert_eq!(
            ty(None, vec![Value::Int(1), text.clone()]),
            Err("[1]: the attribute is int in other rows, but here it is string".into())
        );
        assert_eq!(
            ty(Some("uint"), vec![Value::Int(1), Value::Int(-1)]),
            Err("[1]: expected uint, got the integer -1".into())
        );
        assert_eq!(
            ty(Some("datetime"), vec![text.clone()]),
            Err("[0]: expected datetime, got the string \"x\"".into())
        );
        assert_eq!(
            ty(Some("[]string"), vec![text]),
            Err("[0]: expected []string, got the string \"x\"".into())
        );
    }

    #[test]
    fn should_convert_to_the_known_type() {
        let text = |text: &str| Value::String(text.into());
        let uuid = "d6b4c5ce-1d1f-4a0a-b5f5-1b2c3d4e5f60";
        for (known, value) in [
            ("float", Value::Int(3)),
            ("uuid", text(uuid)),
            ("datetime", text("2024-01-01T00:00:00Z")),
            ("[]uuid", array(vec![text(uuid)])),
        ] {
            assert_eq!(ty(Some(known), vec![value]), Ok(Some(known.into())));
        }
    }
}

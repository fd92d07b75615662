//! [`ToVector`]: what `x::vector` and `x::vector(3)` mean.

use super::vector::{self, any_vector_type, dim_of, vector_of, vector_type};
use arrow_array::{
    Array, ArrayRef,
    builder::{Float32Builder, ListBuilder},
};
use arrow_schema::{DataType, Field};
use datafusion::{
    common::{Result, ScalarValue, plan_err},
    logical_expr::{
        ColumnarValue, ReturnFieldArgs, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility,
    },
};
use std::sync::Arc;

/// The name of the function that `::vector` becomes.
pub(crate) const TO_VECTOR: &str = "to_vector";

/// `to_vector(value [, dimensions])`: text or a list of numbers as a vector.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(crate) struct ToVector {
    signature: Signature,
}

impl Default for ToVector {
    fn default() -> Self {
        let signature = Signature::user_defined(Volatility::Immutable);
        Self { signature }
    }
}

impl ScalarUDFImpl for ToVector {
    fn name(&self) -> &str {
        TO_VECTOR
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        match given {
            [value] => Ok(vec![value.clone()]),
            [value, _] => Ok(vec![value.clone(), DataType::Int64]),
            _ => plan_err!("{TO_VECTOR} takes a value and a number of dimensions"),
        }
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(any_vector_type())
    }

    fn return_field_from_args(&self, args: ReturnFieldArgs<'_>) -> Result<Arc<Field>> {
        let given = args.arg_fields.first().map(|field| field.data_type());
        let literal = args.scalar_arguments.first().copied().flatten();
        let known = match literal {
            Some(value) if !value.is_null() => vector_of(value)?.map(|values| values.len()),
            _ => given.and_then(dim_of),
        };
        let wanted = args.scalar_arguments.get(1).copied().flatten();
        let wanted = wanted.map(dimensions).transpose()?;
        if let (Some(known), Some(wanted)) = (known, wanted)
            && known != wanted
        {
            return plan_err!("expected {wanted} dimensions, not {known}");
        }
        let ty = known.or(wanted).map_or_else(any_vector_type, vector_type);
        Ok(Arc::new(Field::new(TO_VECTOR, ty, true)))
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let Some(value) = args.args.first() else {
            return plan_err!("{TO_VECTOR} takes a value");
        };
        let ty = args.return_field.data_type();
        match value {
            ColumnarValue::Scalar(value) => {
                let value = match (vector_of(value)?, dim_of(ty)) {
                    (None, _) => ScalarValue::try_from(ty)?,
                    (Some(values), Some(dim)) => {
                        check(values.len(), dim)?;
                        vector::scalar(values)?
                    }
                    (Some(values), None) => {
                        let items: Vec<ScalarValue> =
                            values.into_iter().map(ScalarValue::from).collect();
                        ScalarValue::List(ScalarValue::new_list_nullable(
                            &items,
                            &DataType::Float32,
                        ))
                    }
                };
                Ok(ColumnarValue::Scalar(value))
            }
            ColumnarValue::Array(rows) => {
                let lists = lists(rows, dim_of(ty))?;
                Ok(ColumnarValue::Array(arrow_cast::cast(&lists, ty)?))
            }
        }
    }
}

fn lists(rows: &ArrayRef, dim: Option<usize>) -> Result<ArrayRef> {
    let mut lists = ListBuilder::new(Float32Builder::new());
    for row in 0..rows.len() {
        match vector::row_of(rows, row)? {
            None => lists.append_null(),
            Some(values) => {
                check(values.len(), dim.unwrap_or(values.len()))?;
                lists.values().append_slice(&values);
                lists.append(true);
            }
        }
    }
    Ok(Arc::new(lists.finish()))
}

fn check(found: usize, wanted: usize) -> Result<()> {
    if found == wanted {
        return Ok(());
    }
    plan_err!("expected {wanted} dimensions, not {found}")
}

fn dimensions(value: &ScalarValue) -> Result<usize> {
    let most = vector::MAX_DIM;
    match value {
        ScalarValue::Int64(Some(dim)) => match usize::try_from(*dim) {
            Ok(dim) if (1..=most).contains(&dim) => Ok(dim),
            _ => plan_err!("dimensions for type vector must be between 1 and {most}"),
        },
        other => plan_err!("{other} is no number of dimensions"),
    }
}

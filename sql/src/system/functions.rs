//! Functions of PostgreSQL that its clients call to read the catalog.

use super::{OWNER, PUBLIC_OID, table_oid, types};
use crate::catalog::{DATABASE, PUBLIC};
use arrow_schema::DataType;
use datafusion::{
    common::{Result, ScalarValue},
    logical_expr::{
        ColumnarValue, ScalarFunctionArgs, ScalarUDF, ScalarUDFImpl, Signature, Volatility,
    },
};
use std::sync::Arc;

/// What a function gives for its arguments.
type Evaluate = fn(&[ScalarValue]) -> ScalarValue;

/// A function of the catalog.
#[derive(Debug)]
struct SystemFunction {
    name: &'static str,
    returns: DataType,
    evaluate: Evaluate,
    signature: Signature,
}

impl PartialEq for SystemFunction {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for SystemFunction {}

impl std::hash::Hash for SystemFunction {
    fn hash<H: std::hash::Hasher>(&self, state: &mut H) {
        self.name.hash(state);
    }
}

impl ScalarUDFImpl for SystemFunction {
    fn name(&self) -> &str {
        self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn coerce_types(&self, given: &[DataType]) -> Result<Vec<DataType>> {
        Ok(given.to_vec())
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.returns.clone())
    }

    fn invoke_with_args(&self, args: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let all_constant = args
            .args
            .iter()
            .all(|arg| matches!(arg, ColumnarValue::Scalar(_)));
        if all_constant {
            let values: Vec<ScalarValue> = args
                .args
                .into_iter()
                .filter_map(|arg| match arg {
                    ColumnarValue::Scalar(value) => Some(value),
                    ColumnarValue::Array(_) => None,
                })
                .collect();
            return Ok(ColumnarValue::Scalar((self.evaluate)(&values)));
        }
        let arrays = args
            .args
            .into_iter()
            .map(|arg| arg.into_array(args.number_rows));
        let arrays = arrays.collect::<Result<Vec<_>>>()?;
        let row = |row: usize| -> Result<ScalarValue> {
            let values = arrays
                .iter()
                .map(|array| ScalarValue::try_from_array(array, row));
            Ok((self.evaluate)(&values.collect::<Result<Vec<_>>>()?))
        };
        let values = (0..args.number_rows).map(row).collect::<Result<Vec<_>>>()?;
        if values.is_empty() {
            return Ok(ColumnarValue::Array(arrow_array::new_empty_array(
                &self.returns,
            )));
        }
        Ok(ColumnarValue::Array(ScalarValue::iter_to_array(values)?))
    }
}

/// What `version()` says.
fn version() -> String {
    format!(
        "PostgreSQL {} (isobath {})",
        crate::wire::SERVER_VERSION,
        env!("CARGO_PKG_VERSION")
    )
}

fn text(value: impl Into<String>) -> ScalarValue {
    ScalarValue::Utf8(Some(value.into()))
}

fn number(value: Option<&ScalarValue>) -> Option<i64> {
    match value?.cast_to(&DataType::Int64) {
        Ok(ScalarValue::Int64(number)) => number,
        _ => None,
    }
}

fn string(value: Option<&ScalarValue>) -> Option<String> {
    match value?.cast_to(&DataType::Utf8) {
        Ok(ScalarValue::Utf8(text)) => text,
        _ => None,
    }
}

/// All of them.
pub(crate) fn functions() -> Vec<Arc<ScalarUDF>> {
    let (utf8, int8, bool) = (DataType::Utf8, DataType::Int64, DataType::Boolean);
    let no_text: Evaluate = |_| ScalarValue::Utf8(None);
    let yes: Evaluate = |_| ScalarValue::Boolean(Some(true));
    let owner: Evaluate = |_| text(OWNER);
    let all: Vec<(&'static str, &DataType, Evaluate)> = vec![
        ("version", &utf8, |_| text(version())),
        ("current_schema", &utf8, |_| text(PUBLIC)),
        ("current_database", &utf8, |_| text(DATABASE)),
        ("current_catalog", &utf8, |_| text(DATABASE)),
        ("current_user", &utf8, owner),
        ("session_user", &utf8, owner),
        ("user", &utf8, owner),
        ("pg_get_userbyid", &utf8, owner),
        ("to_regtype", &int8, |args| {
            let oid = string(args.first()).and_then(|name| types::oid_of(&name));
            ScalarValue::Int64(oid.map(i64::from))
        }),
        ("to_regclass", &int8, |args| {
            let name = string(args.first());
            let name = name
                .as_deref()
                .map(|name| name.strip_prefix("public.").unwrap_or(name));
            ScalarValue::Int64(name.map(|name| table_oid(name.trim_matches('"'))))
        }),
        ("to_regnamespace", &int8, |args| {
            ScalarValue::Int64(
                string(args.first())
                    .filter(|name| name == PUBLIC)
                    .map(|_| PUBLIC_OID),
            )
        }),
        ("format_type", &utf8, |args| {
            let name = number(args.first()).map(|oid| types::name_of(oid, number(args.get(1))));
            ScalarValue::Utf8(name)
        }),
        ("pg_table_is_visible", &bool, yes),
        ("pg_type_is_visible", &bool, yes),
        ("has_table_privilege", &bool, yes),
        ("has_schema_privilege", &bool, yes),
        ("has_database_privilege", &bool, yes),
        ("pg_is_in_recovery", &bool, |_| {
            ScalarValue::Boolean(Some(false))
        }),
        ("pg_encoding_to_char", &utf8, |_| text("UTF8")),
        ("pg_get_expr", &utf8, no_text),
        ("pg_get_indexdef", &utf8, no_text),
        ("pg_get_constraintdef", &utf8, no_text),
        ("pg_get_viewdef", &utf8, no_text),
        ("obj_description", &utf8, no_text),
        ("col_description", &utf8, no_text),
        ("shobj_description", &utf8, no_text),
    ];
    let function = |(name, returns, evaluate): (&'static str, &DataType, Evaluate)| {
        Arc::new(ScalarUDF::from(SystemFunction {
            name,
            returns: returns.clone(),
            evaluate,
            signature: Signature::user_defined(Volatility::Immutable),
        }))
    };
    all.into_iter().map(function).collect()
}

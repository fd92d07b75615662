//! `SET`, `SHOW` and `RESET`.

use super::Outcome;
use crate::{Settings, SqlError, SqlErrorKind};
use arrow_array::{RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use datafusion::sql::sqlparser::ast::{self, Expr, ObjectName, Set, Value};
use std::sync::Arc;

/// `SET`.
pub(super) fn set(settings: &mut Settings, set: Set) -> Result<Outcome, SqlError> {
    let (scope, name, values) = match set {
        Set::SingleAssignment {
            scope,
            variable,
            values,
            ..
        } => (scope, setting_name(&variable), values),
        Set::SetTimeZone {
            value,
            local: false,
        } => (None, "timezone".to_owned(), vec![value]),
        other => return Err(SqlError::unsupported(other)),
    };
    if matches!(
        scope,
        Some(ast::ContextModifier::Local | ast::ContextModifier::Global)
    ) {
        return Err(SqlError::unsupported("SET LOCAL and SET GLOBAL"));
    }
    let values = values
        .iter()
        .map(setting_value)
        .collect::<Result<Vec<_>, _>>()?;
    let value = values.join(", ");
    let is_default = value.eq_ignore_ascii_case("default");
    settings.set(&name, (!is_default).then_some(value.as_str()))?;
    Ok(Outcome::Done("SET", None))
}

/// `RESET`.
pub(super) fn reset(
    settings: &mut Settings,
    reset: &ast::ResetStatement,
) -> Result<Outcome, SqlError> {
    match &reset.reset {
        ast::Reset::ALL => settings.reset(),
        ast::Reset::ConfigurationParameter(name) => settings.set(&setting_name(name), None)?,
    }
    Ok(Outcome::Done("RESET", None))
}

/// `SHOW`.
pub(super) fn show(settings: &Settings, variable: &[ast::Ident]) -> Result<RecordBatch, SqlError> {
    let name: Vec<&str> = variable.iter().map(|ident| ident.value.as_str()).collect();
    let name = match name.join(".").to_ascii_lowercase() {
        name if name == "transaction.isolation.level" => "transaction_isolation".to_owned(),
        name => name,
    };
    let value = settings.show(&name)?;
    let schema = Schema::new(vec![Field::new(&name, DataType::Utf8, false)]);
    let values = Arc::new(StringArray::from(vec![value]));
    let batch = RecordBatch::try_new(Arc::new(schema), vec![values]);
    batch.map_err(|e| SqlError::new(SqlErrorKind::Internal, e.to_string()))
}

fn setting_name(name: &ObjectName) -> String {
    let parts = name.0.iter().filter_map(|part| part.as_ident());
    let parts: Vec<&str> = parts.map(|ident| ident.value.as_str()).collect();
    parts.join(".")
}

fn setting_value(value: &Expr) -> Result<String, SqlError> {
    Ok(match value {
        Expr::Value(value) => match &value.value {
            Value::SingleQuotedString(text) | Value::DoubleQuotedString(text) => text.clone(),
            other => other.to_string(),
        },
        Expr::Identifier(ident) => ident.value.clone(),
        Expr::UnaryOp { .. } => value.to_string(),
        other => {
            return Err(SqlError::invalid(format!(
                "{other} is no value of a setting"
            )));
        }
    })
}

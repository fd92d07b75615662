//! From a [`Filter`] and a schema to a [`Predicate`].

use super::{
    literal,
    predicate::{Accepts, ColumnTest, Predicate, ValueTest},
};
use crate::search::{Comparison, Filter, SearchError};
use isobath_storage::model::{
    AttributeName, AttributeType, IdKind, ScalarType, Schema, Switch, Value,
};

/// Filters nested deeper than this are refused; their evaluation would need a deeper stack.
const MAX_DEPTH: usize = 64;

/// Binds `filter` to `schema`. An attribute that the schema does not have is missing in every row.
pub(in crate::search) fn bind(filter: &Filter, schema: &Schema) -> Result<Predicate, SearchError> {
    Binder { schema }.bind(filter, 0)
}

struct Binder<'a> {
    schema: &'a Schema,
}

impl Binder<'_> {
    fn bind(&self, filter: &Filter, depth: usize) -> Result<Predicate, SearchError> {
        if depth > MAX_DEPTH {
            return Err(SearchError::FilterDepth { max: MAX_DEPTH });
        }
        let all = |filters: &[Filter]| -> Result<Vec<_>, _> {
            filters.iter().map(|f| self.bind(f, depth + 1)).collect()
        };
        match filter {
            Filter::And(filters) => Ok(Predicate::All(all(filters)?)),
            Filter::Or(filters) => Ok(Predicate::Any(all(filters)?)),
            Filter::Not(filter) => Ok(Predicate::Not(Box::new(self.bind(filter, depth + 1)?))),
            Filter::Compare {
                attribute,
                comparison,
                value,
            } => self.compare(attribute, *comparison, value),
            Filter::In {
                attribute,
                values,
                negated,
            } => self.is_in(attribute, values, *negated),
        }
    }

    fn compare(
        &self,
        attribute: &AttributeName,
        comparison: Comparison,
        value: &Value,
    ) -> Result<Predicate, SearchError> {
        let null = null_passes(comparison, value);
        let Some(ty) = self.attribute_type(attribute)? else {
            return Ok(Predicate::Always(null));
        };
        let op = operator(comparison);
        let negated = comparison == Comparison::NotEq;
        let equality = negated || comparison == Comparison::Eq;
        let value = match ty {
            _ if value.is_null() => ValueTest::Always(with_null(comparison)),
            AttributeType::Scalar(ty) => literal::accepts(ty, comparison, value)
                .map(|accepts| ValueTest::Scalar { accepts, negated })
                .ok_or_else(|| mismatch(attribute, op, ty.as_str(), value))?,
            AttributeType::Array(item) if equality => {
                let items = array(item, value)
                    .ok_or_else(|| mismatch(attribute, op, &ty.to_string(), value))?;
                ValueTest::Array { items, negated }
            }
            AttributeType::Array(_) | AttributeType::Vector { .. } => {
                let fault = format!("{op} does not compare values of type {ty}");
                return Err(SearchError::filter(attribute, fault));
            }
        };
        Ok(column(attribute, ty, null, value))
    }

    fn is_in(
        &self,
        attribute: &AttributeName,
        values: &[Value],
        negated: bool,
    ) -> Result<Predicate, SearchError> {
        let op = if negated { "NotIn" } else { "In" };
        let null = values.iter().any(Value::is_null) != negated;
        let Some(ty) = self.attribute_type(attribute)? else {
            return Ok(Predicate::Always(null));
        };
        let (AttributeType::Scalar(item) | AttributeType::Array(item)) = ty else {
            let fault = format!("{op} does not compare values of type {ty}");
            return Err(SearchError::filter(attribute, fault));
        };
        let values: Vec<&Value> = values.iter().filter(|v| !v.is_null()).collect();
        let accepts = literal::accepts_any(item, &values).map_err(|value| {
            let expected = AttributeType::Array(item).to_string();
            mismatch(attribute, op, &expected, value)
        })?;
        let value = match ty {
            AttributeType::Array(_) => ValueTest::AnyElement { accepts, negated },
            _ => ValueTest::Scalar { accepts, negated },
        };
        Ok(column(attribute, ty, null, value))
    }

    /// The type of an attribute that filters may name; `None` where the schema does not have it.
    fn attribute_type(
        &self,
        attribute: &AttributeName,
    ) -> Result<Option<AttributeType>, SearchError> {
        if attribute.is_id() {
            return Ok(self.schema.id_kind.map(IdKind::attribute_type));
        }
        let Some(config) = self.schema.get(attribute.as_str()) else {
            return Ok(None);
        };
        let off = |value: &serde_json::Value| value.as_bool() == Some(false);
        if config.switches.get(&Switch::Filterable).is_some_and(off) {
            let fault = "the attribute is not filterable: its schema says `filterable: false`";
            return Err(SearchError::filter(attribute, fault));
        }
        Ok(Some(config.ty))
    }
}

fn column(attribute: &AttributeName, ty: AttributeType, null: bool, value: ValueTest) -> Predicate {
    let attribute = attribute.clone();
    Predicate::Column(ColumnTest {
        attribute,
        ty,
        null,
        value,
    })
}

/// Whether a missing value passes: it equals null and comes before everything else.
fn null_passes(comparison: Comparison, value: &Value) -> bool {
    match comparison {
        Comparison::Eq | Comparison::Gte => value.is_null(),
        Comparison::NotEq | Comparison::Lt => !value.is_null(),
        Comparison::Lte => true,
        Comparison::Gt => false,
    }
}

/// Whether a value passes the comparison with null.
fn with_null(comparison: Comparison) -> bool {
    matches!(
        comparison,
        Comparison::NotEq | Comparison::Gt | Comparison::Gte
    )
}

fn operator(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Eq => "Eq",
        Comparison::NotEq => "NotEq",
        Comparison::Lt => "Lt",
        Comparison::Lte => "Lte",
        Comparison::Gt => "Gt",
        Comparison::Gte => "Gte",
    }
}

/// What the elements of an array equal to `value` are; `None` where it is no array of `item`s.
fn array(item: ScalarType, value: &Value) -> Option<Vec<Option<Accepts>>> {
    let Value::Array(values) = value else {
        return None;
    };
    let accepts = |value: &Value| {
        if value.is_null() {
            Some(None)
        } else {
            literal::accepts(item, Comparison::Eq, value).map(Some)
        }
    };
    values.iter().map(accepts).collect()
}

fn mismatch(attribute: &AttributeName, op: &str, expected: &str, value: &Value) -> SearchError {
    let found = describe(value);
    let fault = format!("type mismatch, {op} expects {expected}, but got {found}");
    SearchError::filter(attribute, fault)
}

/// The type of a literal, in words.
fn describe(value: &Value) -> String {
    match value {
        Value::Null => "null".into(),
        Value::Bool(_) => "bool".into(),
        Value::Int(_) => "int".into(),
        Value::Uint(_) => "uint".into(),
        Value::Float(_) => "float".into(),
        Value::String(text) => format!("string {:?}", text.chars().take(40).collect::<String>()),
        Value::Uuid(_) => "uuid".into(),
        Value::Datetime(_) => "datetime".into(),
        Value::Array(values) => match values.first() {
            Some(value) => format!("[]{}", describe(value)),
            None => "[]".into(),
        },
        Value::Vector(vector) => format!("vector of {} dimensions", vector.dim()),
    }
}

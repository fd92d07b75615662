//! From a [`Filter`] and a schema to a [`Predicate`].

use super::{
    literal,
    matcher::Matcher,
    mismatch::mismatch,
    predicate::{Accepts, ColumnTest, Predicate, ValueTest},
};
use crate::search::{Comparison, Filter, Pattern, SearchError, Syntax, text::TokenTest};
use isobath_storage::model::{
    AttributeName, AttributeType, IdKind, ScalarType, Schema, Switch, Value,
};
use std::slice::from_ref;

/// Filters nested deeper than this are refused; their evaluation would need a deeper stack.
const MAX_DEPTH: usize = 64;
/// The most conditions of one filter: each is one more look at its column.
const MAX_CONDITIONS: usize = 4096;
/// The most patterns of one filter: each is compiled before the first row is looked at.
const MAX_PATTERNS: usize = 64;

/// Binds `filter` to `schema`. An attribute that the schema does not have is missing in every row.
pub(in crate::search) fn bind(filter: &Filter, schema: &Schema) -> Result<Predicate, SearchError> {
    let mut binder = Binder {
        schema,
        conditions: 0,
        patterns: 0,
    };
    binder.bind(filter, 0)
}

struct Binder<'a> {
    schema: &'a Schema,
    conditions: usize,
    patterns: usize,
}

impl Binder<'_> {
    fn bind(&mut self, filter: &Filter, depth: usize) -> Result<Predicate, SearchError> {
        if depth > MAX_DEPTH {
            return Err(SearchError::FilterDepth { max: MAX_DEPTH });
        }
        self.conditions += 1;
        if self.conditions > MAX_CONDITIONS {
            return Err(SearchError::FilterSize {
                max: MAX_CONDITIONS,
            });
        }
        match filter {
            Filter::And(filters) => Ok(Predicate::All(self.each(filters, depth)?)),
            Filter::Or(filters) => Ok(Predicate::Any(self.each(filters, depth)?)),
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
            Filter::Contains {
                attribute,
                value,
                any,
                negated,
            } => self.contains(attribute, value, *any, *negated),
            Filter::AnyElement {
                attribute,
                comparison,
                value,
            } => self.any_element(attribute, *comparison, value),
            Filter::Matches {
                attribute,
                pattern,
                negated,
            } => self.matches(attribute, pattern, *negated),
            Filter::Tokens { rule, tokens } => {
                TokenTest::bind(*rule, tokens, self.schema).map(Predicate::Tokens)
            }
        }
    }

    fn each(&mut self, filters: &[Filter], depth: usize) -> Result<Vec<Predicate>, SearchError> {
        filters.iter().map(|f| self.bind(f, depth + 1)).collect()
    }

    fn compare(
        &self,
        attribute: &AttributeName,
        comparison: Comparison,
        value: &Value,
    ) -> Result<Predicate, SearchError> {
        let null = null_passes(comparison, value);
        let Some(ty) = self.filterable(attribute)? else {
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
                let items = array(item, value).ok_or_else(|| mismatch(attribute, op, ty, value))?;
                ValueTest::Array { items, negated }
            }
            AttributeType::Array(_) | AttributeType::Vector { .. } | AttributeType::Sparse => {
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
        let Some(ty) = self.filterable(attribute)? else {
            return Ok(Predicate::Always(null));
        };
        let (AttributeType::Scalar(item) | AttributeType::Array(item)) = ty else {
            let fault = format!("{op} does not compare values of type {ty}");
            return Err(SearchError::filter(attribute, fault));
        };
        let accepts = one_of(item, values)
            .map_err(|value| mismatch(attribute, op, AttributeType::Array(item), value))?;
        Ok(column(attribute, ty, null, elements(ty, accepts, negated)))
    }

    fn contains(
        &self,
        attribute: &AttributeName,
        value: &Value,
        any: bool,
        negated: bool,
    ) -> Result<Predicate, SearchError> {
        let op = match (any, negated) {
            (false, false) => "Contains",
            (false, true) => "NotContains",
            (true, false) => "ContainsAny",
            (true, true) => "NotContainsAny",
        };
        let Some(ty) = self.filterable(attribute)? else {
            return Ok(Predicate::Always(negated));
        };
        let item = item_type(attribute, op, ty)?;
        let (values, expected) = match value {
            Value::Array(values) if any => (&**values, ty),
            Value::Null => (&[][..], ty),
            value if any => return Err(mismatch(attribute, op, ty, value)),
            value => (from_ref(value), AttributeType::Scalar(item)),
        };
        let accepts = one_of(item, values).map_err(|_| mismatch(attribute, op, expected, value))?;
        Ok(column(
            attribute,
            ty,
            negated,
            elements(ty, accepts, negated),
        ))
    }

    fn any_element(
        &self,
        attribute: &AttributeName,
        comparison: Comparison,
        value: &Value,
    ) -> Result<Predicate, SearchError> {
        let op = format!("Any{}", operator(comparison));
        let Some(ty) = self.filterable(attribute)? else {
            return Ok(Predicate::Always(false));
        };
        let item = item_type(attribute, &op, ty)?;
        if value.is_null() {
            return Ok(Predicate::Always(false));
        }
        let accepts = literal::accepts(item, comparison, value)
            .ok_or_else(|| mismatch(attribute, &op, item.as_str(), value))?;
        Ok(column(attribute, ty, false, elements(ty, accepts, false)))
    }

    fn matches(
        &mut self,
        attribute: &AttributeName,
        pattern: &Pattern,
        negated: bool,
    ) -> Result<Predicate, SearchError> {
        self.patterns += 1;
        if self.patterns > MAX_PATTERNS {
            let fault = format!("a filter has at most {MAX_PATTERNS} patterns");
            return Err(SearchError::filter(attribute, fault));
        }
        let (op, switch) = match (pattern.syntax, negated) {
            (Syntax::Glob, false) => ("Glob", Switch::Glob),
            (Syntax::Glob, true) => ("NotGlob", Switch::Glob),
            (Syntax::CaseInsensitiveGlob, false) => ("IGlob", Switch::Glob),
            (Syntax::CaseInsensitiveGlob, true) => ("NotIGlob", Switch::Glob),
            (Syntax::Regex, _) => ("Regex", Switch::Regex),
        };
        let matcher = Matcher::new(attribute, pattern)?;
        let Some(ty) = self.searchable(attribute, Some(switch))? else {
            return Ok(Predicate::Always(negated));
        };
        let (AttributeType::Scalar(ScalarType::String) | AttributeType::Array(ScalarType::String)) =
            ty
        else {
            let fault = format!("{op} needs an attribute of type string or []string, not {ty}");
            return Err(SearchError::filter(attribute, fault));
        };
        let value = elements(ty, Accepts::Pattern(matcher), negated);
        Ok(column(attribute, ty, negated, value))
    }

    /// The type of an attribute that filters may name; `None` where the schema does not have it.
    fn filterable(&self, attribute: &AttributeName) -> Result<Option<AttributeType>, SearchError> {
        self.searchable(attribute, None)
    }

    /// The same, where `switch` is enough.
    fn searchable(
        &self,
        attribute: &AttributeName,
        switch: Option<Switch>,
    ) -> Result<Option<AttributeType>, SearchError> {
        if attribute.is_id() {
            return Ok(self.schema.id_kind.map(IdKind::attribute_type));
        }
        let Some(config) = self.schema.get(attribute.as_str()) else {
            return Ok(None);
        };
        let enough = switch.is_some_and(|switch| config.is_on(switch));
        if enough || config.is_filterable() || config.ty.is_vector() {
            return Ok(Some(config.ty));
        }
        let needed = match switch {
            Some(switch) => format!("its schema has neither `{switch}` nor `filterable`"),
            None => "its schema says `filterable: false`, or has it searched in another way".into(),
        };
        let fault = format!("the attribute is not filterable: {needed}");
        Err(SearchError::filter(attribute, fault))
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

/// The test of a scalar, or of the elements of an array.
fn elements(ty: AttributeType, accepts: Accepts, negated: bool) -> ValueTest {
    match ty {
        AttributeType::Array(_) => ValueTest::AnyElement { accepts, negated },
        _ => ValueTest::Scalar { accepts, negated },
    }
}

/// The type of the elements of an array.
fn item_type(
    attribute: &AttributeName,
    op: &str,
    ty: AttributeType,
) -> Result<ScalarType, SearchError> {
    let AttributeType::Array(item) = ty else {
        let fault = format!("type mismatch, {op} needs an array attribute, not {ty}");
        return Err(SearchError::filter(attribute, fault));
    };
    Ok(item)
}

/// What equals one of `values` but null; else the first value that does not compare.
fn one_of(item: ScalarType, values: &[Value]) -> Result<Accepts, &Value> {
    let values: Vec<&Value> = values.iter().filter(|v| !v.is_null()).collect();
    literal::accepts_any(item, &values)
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

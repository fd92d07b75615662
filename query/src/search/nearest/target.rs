//! [`Target`]: a query vector that fits its attribute.

use crate::{index::PreparedQuery, search::SearchError};
use isobath_storage::model::{AttributeName, AttributeType, Schema};

/// A query vector that fits its attribute.
#[derive(Debug)]
pub(in crate::search) struct Target {
    pub(super) attribute: AttributeName,
    pub(super) ty: AttributeType,
    pub(super) query: PreparedQuery,
}

impl Target {
    /// Checks a query vector against the schema.
    pub(in crate::search) fn bind(
        attribute: &AttributeName,
        vector: &[f32],
        schema: &Schema,
    ) -> Result<Self, SearchError> {
        let fault = |fault: String| SearchError::rank_by(attribute, fault);
        let Some(config) = schema.get(attribute.as_str()) else {
            return Err(fault("the schema has no such attribute".into()));
        };
        let ty = config.ty;
        let AttributeType::Vector { dim, .. } = ty else {
            return Err(fault(format!("expecting a vector attribute, not {ty}")));
        };
        if vector.len() != dim as usize {
            let found = vector.len();
            let text = format!("a vector of {found} dimensions, expecting {ty}");
            return Err(fault(text));
        }
        let Some(metric) = config.metric else {
            return Err(fault("the attribute has no distance metric".into()));
        };
        Ok(Self {
            attribute: attribute.clone(),
            ty,
            query: PreparedQuery::new(metric, vector).map_err(|error| fault(error.to_string()))?,
        })
    }
}

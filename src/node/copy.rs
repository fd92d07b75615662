//! What makes one namespace a copy of another.

use super::Node;
use crate::server::{CopyFrom, EngineError, EngineErrorKind as Kind, WriteCommand};
use isobath_query::{
    search::{SearchContext, SearchError},
    view::View,
};
use isobath_storage::model::{
    AttributeName, Control, Declaration, IdKind, Mutation, Rows, RowsError,
};
use std::sync::Arc;

impl Node {
    /// The write that makes an empty namespace a copy of another as it is now: all its rows in one request,
    /// so that they appear at once.
    pub(super) async fn copy(&self, from: &CopyFrom) -> Result<WriteCommand, EngineError> {
        if let Some(region) = &from.region
            && *region != self.log_id.region.to_string()
        {
            let text = "copy_from_namespace: copies from another region are not supported yet";
            return Err(EngineError::new(Kind::Invalid, text));
        }
        self.strong().await?;
        let view = self.existing(&from.source).await?;
        let bytes: usize = view.sets.iter().map(|set| set.rows.memory()).sum();
        if bytes > self.limits.max_body {
            let text = format!(
                "copy_from_namespace: the rows of '{}' take {bytes} bytes, more than the {} of one request \
                 (server.max_body); larger copies are not supported yet",
                from.source, self.limits.max_body
            );
            return Err(EngineError::new(Kind::Invalid, text));
        }
        let read = Arc::clone(&view);
        let rows = self
            .search(self.read_timeout, move |context| rows(&read, context))
            .await?;
        let rows = rows.map_err(|error| {
            EngineError::new(Kind::Internal, "the rows could not be gathered").caused_by(error)
        })?;
        let mut mutations = controls(&view);
        if !rows.is_empty() {
            mutations.push(Mutation::Upsert(rows));
        }
        Ok(WriteCommand {
            declarations: declarations(&view),
            mutations,
            ..WriteCommand::default()
        })
    }
}

/// All rows of a view, whole.
fn rows(view: &View, context: &SearchContext<'_>) -> Result<Result<Rows, RowsError>, SearchError> {
    let mut picks = vec![];
    for (at, set) in view.sets.iter().enumerate() {
        context.check()?;
        let visible = (0..set.len()).filter(|row| set.is_visible(*row, view.version));
        picks.extend(visible.map(|row| (at, row)));
    }
    let attributes = view.schema.attributes.iter();
    let columns: Vec<_> = attributes
        .map(|(name, config)| (name.clone(), config.ty))
        .collect();
    let kind = view.schema.id_kind.unwrap_or(IdKind::Uint);
    let pieces: Vec<&Rows> = view.sets.iter().map(|set| &*set.rows).collect();
    Ok(Rows::interleave(kind, &columns, &pieces, &picks))
}

/// What declares the view's schema.
fn declarations(view: &View) -> Vec<Declaration> {
    let id = view.schema.id_kind.map(|kind| Declaration {
        attribute: AttributeName::id(),
        ty: kind.attribute_type(),
        metric: None,
    });
    let attributes = view.schema.attributes.iter();
    let attributes = attributes.map(|(name, config)| Declaration {
        attribute: name.clone(),
        ty: config.ty,
        metric: config.metric,
    });
    id.into_iter().chain(attributes).collect()
}

/// What creates the namespace and switches what is switched in the view.
fn controls(view: &View) -> Vec<Mutation> {
    let attributes = view.schema.attributes.iter();
    let switches = attributes.flat_map(|(name, config)| {
        config
            .switches
            .iter()
            .map(|(switch, value)| Control::Switch {
                attribute: name.clone(),
                switch: *switch,
                value: value.clone(),
            })
    });
    let controls = [Control::Create].into_iter().chain(switches);
    controls.map(Mutation::Control).collect()
}

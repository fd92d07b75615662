//! What makes one namespace a copy or a branch of another.

use super::{Node, adopt::Source};
use crate::server::{CopyFrom, EngineError, EngineErrorKind as Kind, WriteCommand};
use isobath_query::{
    search::{SearchContext, SearchError},
    view::View,
};
use isobath_storage::{
    log::Role,
    model::{
        AttributeName, Control, Declaration, IdKind, Mutation, Namespace, Rows, RowsError, Schema,
        Seq,
    },
};
use std::sync::Arc;

impl Node {
    /// The write that makes an empty namespace a copy of another: few rows are written again, in one request; of
    /// more, the parts are named. Either way they appear at once. With the segment that it must directly follow, if
    /// it must.
    pub(super) async fn copy(
        &self,
        target: &Namespace,
        from: &CopyFrom,
    ) -> Result<(WriteCommand, Option<Seq>), EngineError> {
        let field = from.kind.field();
        if let Some(region) = &from.region
            && *region != self.log_id.region.to_string()
        {
            let text = format!("{field}: copies from another region are not supported yet");
            return Err(EngineError::new(Kind::Invalid, text));
        }
        if let Role::Follower { owner } = self.log.role() {
            let kind = Kind::NotOwner { address: owner };
            return Err(EngineError::new(kind, "another node owns the log"));
        }
        if let Some(at) = from.as_of {
            return self.copy_of_past(target, from, at).await;
        }
        self.strong().await?;
        let view = self.existing(&from.source).await?;
        let bytes: usize = view.sets.iter().map(|set| set.rows.memory()).sum();
        let most = if self.adopting.compactor.is_some() {
            self.limits.max_copied
        } else {
            self.limits.max_body
        };
        if bytes <= most {
            return Ok((self.copy_rows(view).await?, None));
        }
        let live = self.live(&from.source).await?;
        let Some(live) = live.filter(|live| live.view().exists()) else {
            let said = format!("namespace '{}' was not found", from.source);
            return Err(EngineError::new(Kind::NotFound, said));
        };
        let command = self.adopt(target, from, Source::now(&live)).await?;
        Ok((command, None))
    }

    /// The write that writes all rows of a view again.
    async fn copy_rows(&self, view: Arc<View>) -> Result<WriteCommand, EngineError> {
        let read = Arc::clone(&view);
        let rows = self
            .search(self.read_timeout, move |context| rows(&read, context))
            .await?;
        let rows = rows.map_err(|error| {
            EngineError::new(Kind::Internal, "the rows could not be gathered").caused_by(error)
        })?;
        let mut mutations = controls(&view.schema);
        if !rows.is_empty() {
            mutations.push(Mutation::Upsert(rows));
        }
        Ok(WriteCommand {
            declarations: declarations(&view.schema),
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

/// What declares a schema.
pub(super) fn declarations(schema: &Schema) -> Vec<Declaration> {
    let id = schema.id_kind.map(|kind| Declaration {
        attribute: AttributeName::id(),
        ty: kind.attribute_type(),
        metric: None,
    });
    let attributes = schema.attributes.iter();
    let attributes = attributes.map(|(name, config)| Declaration {
        attribute: name.clone(),
        ty: config.ty,
        metric: config.metric,
    });
    id.into_iter().chain(attributes).collect()
}

/// What creates the namespace and switches what is switched in a schema.
pub(super) fn controls(schema: &Schema) -> Vec<Mutation> {
    let attributes = schema.attributes.iter();
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

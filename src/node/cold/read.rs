//! What a query needs of a namespace, fetched in three round trips.

use super::{Cold, ColdError, ColdQuery, ColdView, OpenError, part::PartHead};
use crate::server::StoreUse;
use futures::{StreamExt, TryStreamExt, future::try_join_all, stream};
use isobath_query::view::{Installed, PartSet};
use isobath_storage::{
    catalog::OpenCheckpoint,
    format::{Manifest, PartEntry, part::PREFIX},
    model::{AttributeConfig, Namespace, Segment},
};
use std::sync::Arc;

/// Parts up to so many bytes are fetched whole.
const SMALL: u64 = 2 << 20;
/// More bytes of small parts and runs than this are not waited for by a query.
const MOST_WHOLE: u64 = 16 << 20;
/// Runs and parts that are read at a time.
const AT_ONCE: usize = 32;

impl Cold {
    pub(super) async fn try_read(
        &self,
        namespace: &Namespace,
        query: &ColdQuery,
    ) -> Result<Option<ColdView>, ColdError> {
        let Some((checkpoint, _)) = self.opener.views.closed_at(namespace) else {
            return Ok(None);
        };
        let mut used = StoreUse::default();
        let found = self.manifest(namespace, &checkpoint, &mut used).await?;
        let Some((manifest, segments)) = found else {
            return Ok(None);
        };
        let schema = manifest.schema.schema();
        let mut attributes = manifest.schema.attributes.values();
        // values that a drop hides are told by stamps, which are not fetched
        let dropped = attributes.any(|attribute| attribute.dropped.is_some());
        let config = schema.get(query.attribute.as_str()).filter(|_| !dropped);
        let Some(config) = config else {
            return Ok(None);
        };
        let Some((small, heads)) = self.heads(&manifest, query, config, &mut used).await? else {
            return Ok(None);
        };
        // rows whose ids are of a kind that lost are not seen
        if heads.iter().any(|head| Some(head.kind()) != schema.id_kind) {
            return Ok(None);
        }
        used.round_trips += 1;
        let parts = stream::iter(heads).map(|head| self.part(head));
        let parts: Vec<_> = parts.buffered(AT_ONCE).try_collect().await?;
        for (_, more) in &parts {
            used.add(*more);
        }
        let installed = Installed {
            schema: manifest.schema,
            parts: small,
            seen: manifest.seen,
            last_write: manifest.last_write,
        };
        Ok(Some(ColdView {
            checkpoint: checkpoint.checkpoint.number,
            cut: manifest.hlc_cut,
            installed,
            segments,
            parts: parts.into_iter().map(|(part, _)| part).collect(),
            used,
        }))
    }

    /// The first round trip: the manifest, and what runs hold.
    async fn manifest(
        &self,
        namespace: &Namespace,
        checkpoint: &OpenCheckpoint,
        used: &mut StoreUse,
    ) -> Result<Option<(Manifest, Vec<Segment>)>, ColdError> {
        let Some(entry) = checkpoint.namespaces.get(namespace) else {
            return Ok(None);
        };
        let slices = checkpoint.slices(namespace);
        let slices: Vec<_> = slices.map(|(run, slice)| (run, slice.clone())).collect();
        let bytes: u64 = slices.iter().map(|(_, slice)| slice.length).sum();
        if bytes > MOST_WHOLE {
            return Ok(None);
        }
        let catalog = &self.opener.catalog;
        used.round_trips += 1;
        used.requests += 1 + slices.len() as u64;
        used.bytes += bytes;
        let read = |(run, slice)| async move { catalog.slice(run, &slice).await };
        let slices = stream::iter(slices).map(read);
        let segments = slices.buffered(AT_ONCE).try_collect::<Vec<_>>();
        let manifest = catalog.manifest(namespace, entry.manifest);
        let read = futures::try_join!(manifest, segments).map_err(OpenError::from)?;
        let (manifest, segments) = read;
        used.bytes += manifest.encode()?.len() as u64;
        Ok(Some((manifest, segments.into_iter().flatten().collect())))
    }

    /// The second round trip: small parts whole, of the others where everything lies.
    async fn heads(
        &self,
        manifest: &Manifest,
        query: &ColdQuery,
        config: &AttributeConfig,
        used: &mut StoreUse,
    ) -> Result<Option<(Vec<PartSet>, Vec<PartHead>)>, ColdError> {
        let namespace = &manifest.namespace;
        let is_small = |entry: &&PartEntry| entry.bytes <= SMALL;
        let (small, large): (Vec<_>, Vec<_>) = manifest.parts.iter().partition(is_small);
        let whole: u64 = small.iter().map(|entry| entry.bytes).sum();
        if whole > MOST_WHOLE || large.is_empty() {
            return Ok(None);
        }
        used.round_trips += 1;
        used.bytes += whole + PREFIX * large.len() as u64;
        let dead = manifest.parts.iter().filter(|entry| entry.dead.is_some());
        used.requests += (small.len() + 2 * large.len() + dead.count()) as u64;
        let attribute = (&query.attribute, config);
        let mut opened = vec![];
        for entry in small {
            opened.push(self.small(namespace, entry));
        }
        let mut heads = vec![];
        for entry in large {
            heads.push(self.head(namespace, entry, attribute));
        }
        let (small, heads) = futures::try_join!(try_join_all(opened), try_join_all(heads))?;
        let heads: Option<Vec<PartHead>> = heads.into_iter().collect();
        Ok(heads.map(|heads| (small, heads)))
    }

    /// A small part, whole.
    async fn small(&self, namespace: &Namespace, entry: &PartEntry) -> Result<PartSet, ColdError> {
        let part = async {
            let part = self.opener.part(namespace, entry, Arc::default()).await;
            part.map_err(ColdError::from)
        };
        let (part, dead) = futures::try_join!(part, self.dead(namespace, entry))?;
        Ok(part.with_dead(Arc::new(dead)))
    }
}

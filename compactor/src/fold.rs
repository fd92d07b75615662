//! [`fold`]: from parts and segments to the rows of new parts.

use isobath_storage::{
    fold::{FoldError, Overlay, PartRows, SchemaState},
    model::{Block, Hlc, IdKind, SegmentHeader},
};
use roaring::RoaringBitmap;
use std::sync::Arc;

/// A namespace at its manifest.
#[derive(Debug, Clone, Default)]
pub struct Prior {
    /// Everything known but the rows.
    pub schema: SchemaState,
    /// The parts, oldest first.
    pub parts: Vec<PartRows>,
}

/// What mutations made of a namespace.
#[derive(Debug)]
pub struct Folded {
    /// Everything known but the rows.
    pub schema: SchemaState,
    /// The rows that the mutations touched, by id, as those of new parts: one for each kind of ids, of which all but
    /// one have lost. Rows of which nothing is known any more are not among them.
    pub rows: Vec<PartRows>,
    /// The deletion vectors of the prior parts, in their order.
    pub dead: Vec<RoaringBitmap>,
}

/// Applies blocks, in any order, to a namespace at its manifest. No mutation up to `stable` can come any more: what
/// only such a one could need is forgotten.
///
/// `fold(log ≤ vv)` is the state at `vv`: folding twice as often gives the same rows.
pub fn fold<'a>(
    prior: &Prior,
    blocks: impl IntoIterator<Item = (&'a SegmentHeader, &'a Block)>,
    stable: Hlc,
) -> Result<Folded, FoldError> {
    let mut overlay = Overlay::new(prior.schema.clone());
    for (header, block) in blocks {
        overlay.apply(prior.parts.as_slice(), header, block)?;
    }
    let dead = prior
        .parts
        .iter()
        .map(|part| RoaringBitmap::clone(&part.dead));
    let mut dead: Vec<RoaringBitmap> = dead.collect();
    for (part, row) in overlay.replaced() {
        dead[part].insert(row);
    }
    let schema = overlay.schema().clone();
    if let Some(deleted) = schema.deleted {
        for (part, dead) in prior.parts.iter().zip(&mut dead) {
            let gone = (0..).zip(0..part.stamps.len());
            dead.extend(
                gone.filter(|(_, at)| part.stamps.get(*at) <= deleted)
                    .map(|(row, _)| row),
            );
        }
    }
    let rows = overlay.into_parts(stable)?.into_iter();
    Ok(Folded {
        schema,
        rows: rows.map(PartRows::from_states).collect::<Result<_, _>>()?,
        dead,
    })
}

impl Folded {
    /// All parts, first those of `prior`, which it was folded from.
    pub(crate) fn parts(&self, prior: &Prior) -> Vec<PartRows> {
        let kept = prior.parts.iter().zip(&self.dead);
        let kept = kept.map(|(part, dead)| part.with_dead(Arc::new(dead.clone())));
        kept.chain(self.rows.iter().cloned()).collect()
    }
}

/// The kind of ids of the rows that a reader sees.
pub(crate) fn kind_of(schema: &SchemaState) -> IdKind {
    schema.schema().id_kind.unwrap_or(IdKind::Uint)
}

//! [`fold`]: from parts and segments to the rows of a new part.

use isobath_storage::{
    fold::{FoldError, Overlay, PartRows, ResolvedRows, SchemaState},
    model::{Block, Id, SegmentHeader},
};
use roaring::RoaringBitmap;

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
    /// The rows of a new part: those that the mutations touched and that are live, by id.
    pub rows: ResolvedRows,
    /// The deletion vectors of the prior parts, in their order.
    pub dead: Vec<RoaringBitmap>,
}

/// Applies blocks, in log order, to a namespace at its manifest.
///
/// `fold(log ≤ vv)` is the state at `vv`: folding twice as often gives the same rows.
pub fn fold<'a>(
    prior: &Prior,
    blocks: impl IntoIterator<Item = (&'a SegmentHeader, &'a Block)>,
) -> Result<Folded, FoldError> {
    let mut overlay = Overlay::new(prior.schema.clone());
    for (header, block) in blocks {
        overlay.apply(prior.parts.as_slice(), header, block)?;
    }
    let mut dead: Vec<RoaringBitmap> = prior
        .parts
        .iter()
        .map(|part| RoaringBitmap::clone(&part.dead))
        .collect();
    let mut ids: Vec<Id> = overlay.ids().cloned().collect();
    ids.sort_unstable();
    for id in &ids {
        if let Some((part, row)) = overlay.below(id) {
            dead[part].insert(row);
        }
    }
    if let Some(deleted) = overlay.schema().deleted {
        for (part, dead) in prior.parts.iter().zip(&mut dead) {
            let gone = (0..).zip(0..part.stamps.len());
            dead.extend(
                gone.filter(|(_, at)| part.stamps.get(*at) <= deleted)
                    .map(|(row, _)| row),
            );
        }
    }
    let rows = overlay.resolve(&ids, &overlay.schema().schema())?;
    Ok(Folded {
        schema: overlay.schema().clone(),
        rows,
        dead,
    })
}

//! [`fold`] and [`merge`]: from parts and segments to rows of new parts.

use isobath_storage::{
    fold::{FoldError, Overlay, PartRows, ResolvedRows, SchemaState},
    model::{Block, Id, IdKind, Rows, SegmentHeader, Stamp},
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

/// The live rows of several parts as one, by id, with the columns of `schema`; values older than their
/// attribute's drop are null.
pub fn merge(parts: &[PartRows], schema: &SchemaState) -> Result<ResolvedRows, FoldError> {
    let visible = schema.schema();
    let kind = visible.id_kind.unwrap_or(IdKind::Uint);
    let columns: Vec<_> = visible
        .attributes
        .iter()
        .map(|(name, c)| (name.clone(), c.ty))
        .collect();
    let masked: Vec<Rows> = parts.iter().map(|part| mask(part, schema)).collect();
    let mut picks: Vec<(usize, usize)> = vec![];
    for (at, part) in parts.iter().enumerate() {
        let rows = (0..).zip(0..part.rows.len());
        picks.extend(
            rows.filter(|(row, _)| !part.dead.contains(*row))
                .map(|(_, row)| (at, row)),
        );
    }
    picks.retain(|(part, _)| parts[*part].rows.ids().kind() == kind);
    let id = |(part, row): &(usize, usize)| parts[*part].rows.ids().get(*row);
    if parts.len() > 1 {
        picks.sort_by_cached_key(id);
    }
    let stamps: Vec<Stamp> = picks
        .iter()
        .map(|(part, row)| parts[*part].stamps.get(*row))
        .collect();
    let pieces: Vec<&Rows> = masked.iter().collect();
    let rows = Rows::interleave(kind, &columns, &pieces, &picks)?;
    Ok(ResolvedRows { rows, stamps })
}

/// The rows of a part without the values that drops hide.
fn mask(part: &PartRows, schema: &SchemaState) -> Rows {
    let mut rows = Rows::clone(&part.rows);
    for (name, attribute) in &schema.attributes {
        let Some(dropped) = attribute.dropped else {
            continue;
        };
        if rows.column(name.as_str()).is_some() {
            let older = (0..rows.len())
                .map(|row| part.stamps.get(row) <= dropped)
                .collect();
            rows = rows.without(name, &older);
        }
    }
    rows
}

//! [`merge`]: from several parts to one.

use crate::fold::kind_of;
use isobath_storage::{
    fold::{FoldError, PartRows, Residue, SchemaState, Settled},
    format::part::PickedVectors,
    model::{AttributeName, AttributeType, Column, Hlc, IdKind, Rows, Stamp, StampColumn},
};
use std::{collections::BTreeMap, sync::Arc};

/// The rows of several parts as one, by id; gathered only when they are asked for.
#[derive(Debug)]
pub struct Merged {
    kind: IdKind,
    columns: Vec<(AttributeName, AttributeType)>,
    pieces: Vec<Rows>,
    /// By row the piece and the row in it.
    picks: Vec<(usize, usize)>,
    /// By row its stamp.
    pub stamps: Vec<Stamp>,
    /// By row, what its columns do not hold.
    pub residue: BTreeMap<u32, Residue>,
}

/// The rows of several parts as one, by id, with the columns of `schema`; values older than their attribute's drop are
/// null. Parts with ids of another kind than the schema's are left out.
///
/// No mutation up to `stable` can come any more: what only such a one could need is forgotten.
pub fn merge(parts: &[PartRows], schema: &SchemaState, stable: Hlc) -> Merged {
    let kind = kind_of(schema);
    let columns = schema.schema().attributes.into_iter();
    let columns: Vec<_> = columns.map(|(name, config)| (name, config.ty)).collect();
    let pieces: Vec<Rows> = parts.iter().map(|part| mask(part, schema)).collect();
    let lost: Vec<Vec<&Column>> = pieces.iter().map(|rows| lost(rows, &columns)).collect();
    let mut picks = vec![];
    for (at, part) in parts.iter().enumerate() {
        if part.rows.ids().kind() != kind {
            continue;
        }
        for (number, row) in (0u32..).zip(0..part.rows.len()) {
            if part.dead.contains(number) {
                continue;
            }
            let left = match part.residue.get(&number) {
                Some(residue) => residue.settled(stable),
                None => plain(part.stamps.get(row), &lost[at], row, stable),
            };
            match left {
                Settled::Gone => {}
                Settled::Plain(stamp) => picks.push(((at, row), stamp, None)),
                Settled::Kept(stamp, residue) => picks.push(((at, row), stamp, Some(residue))),
            }
        }
    }
    if parts.len() > 1 {
        picks.sort_by_cached_key(|((part, row), ..)| parts[*part].rows.ids().get(*row));
    }
    let mut merged = Merged {
        kind,
        columns,
        pieces: vec![],
        picks: Vec::with_capacity(picks.len()),
        stamps: Vec::with_capacity(picks.len()),
        residue: BTreeMap::new(),
    };
    for (number, (pick, stamp, residue)) in (0u32..).zip(picks) {
        merged.picks.push(pick);
        merged.stamps.push(stamp);
        merged
            .residue
            .extend(residue.map(|residue| (number, residue)));
    }
    drop(lost);
    merged.pieces = pieces;
    merged
}

/// The columns of a part that are of a type which lost since it was written.
fn lost<'a>(rows: &'a Rows, columns: &[(AttributeName, AttributeType)]) -> Vec<&'a Column> {
    let wins = |column: &&Column| {
        let named = columns.iter().find(|(name, _)| *name == column.name);
        named.is_some_and(|(_, ty)| *ty == column.ty)
    };
    rows.columns()
        .iter()
        .filter(|column| !wins(column))
        .collect()
}

/// What is left of a row that only an upsert is known of: values of a type that lost, as long as that type may win yet.
fn plain(stamp: Stamp, lost: &[&Column], row: usize, stable: Hlc) -> Settled {
    if stamp.hlc <= stable || lost.is_empty() {
        return Settled::Plain(stamp);
    }
    let values = lost
        .iter()
        .map(|column| (column.name.clone(), column.value(row)));
    let side: BTreeMap<_, _> = values.filter(|(_, value)| !value.is_null()).collect();
    if side.is_empty() {
        return Settled::Plain(stamp);
    }
    Settled::Kept(stamp, Residue::of_side(stamp, side))
}

impl Merged {
    /// How many rows it has.
    pub fn len(&self) -> usize {
        self.picks.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.picks.is_empty()
    }

    /// All rows in memory.
    pub fn resolve(&self) -> Result<PartRows, FoldError> {
        self.rows(self.gather(&self.columns)?)
    }

    fn rows(&self, rows: Rows) -> Result<PartRows, FoldError> {
        let stamps = StampColumn::from_stamps(&self.stamps).ok_or(FoldError::TooManyLogs)?;
        Ok(PartRows {
            residue: Arc::new(self.residue.clone()),
            ..PartRows::new(Arc::new(rows), stamps)
        })
    }

    /// All but the vectors in memory, and the vectors, which are gathered when they are written.
    pub fn split(&self) -> Result<(PartRows, Vec<PickedVectors<'_>>), FoldError> {
        let (mut columns, mut vectors) = (vec![], vec![]);
        for (name, ty) in &self.columns {
            match ty {
                AttributeType::Vector { dim, element } => vectors.push(PickedVectors {
                    name: name.clone(),
                    dim: *dim,
                    element: *element,
                    pieces: self.pieces.iter().map(|p| p.typed(name, *ty)).collect(),
                    picks: &self.picks,
                }),
                _ => columns.push((name.clone(), *ty)),
            }
        }
        Ok((self.rows(self.gather(&columns)?)?, vectors))
    }

    fn gather(&self, columns: &[(AttributeName, AttributeType)]) -> Result<Rows, FoldError> {
        let pieces: Vec<&Rows> = self.pieces.iter().collect();
        Ok(Rows::interleave(self.kind, columns, &pieces, &self.picks)?)
    }
}

/// The rows of a part without the values that drops hide.
pub(crate) fn mask(part: &PartRows, schema: &SchemaState) -> Rows {
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

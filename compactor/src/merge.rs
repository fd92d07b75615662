//! [`merge`]: from several parts to one.

use crate::fold::kind_of;
use isobath_storage::{
    fold::{FoldError, PartRows, Residue, SchemaState, Settled},
    format::part::PickedVectors,
    model::{AttributeName, AttributeType, Column, Hlc, IdKind, Rows, Stamp, StampColumn},
};
use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
};

/// The rows of several parts as one, by id; gathered only when they are asked for.
#[derive(Debug)]
pub struct Merged {
    kind: IdKind,
    columns: Vec<(AttributeName, AttributeType)>,
    pieces: Vec<Rows>,
    /// By row the piece and the row in it.
    picks: Vec<(usize, usize)>,
    /// By row its stamp.
    pub stamps: StampColumn,
    /// By row, what its columns do not hold.
    pub residue: BTreeMap<u32, Residue>,
}

/// The rows of several parts as one, by id, with the columns of `schema`; values older than their attribute's drop are
/// null. Parts with ids of another kind than the schema's are left out.
///
/// No mutation up to `stable` can come any more: what only such a one could need is forgotten.
pub fn merge(parts: &[PartRows], schema: &SchemaState, stable: Hlc) -> Result<Merged, FoldError> {
    let kind = kind_of(schema);
    let columns = schema.schema().attributes.into_iter();
    let columns: Vec<_> = columns.map(|(name, config)| (name, config.ty)).collect();
    let pieces: Vec<Rows> = parts.iter().map(|part| mask(part, schema)).collect();
    let (mut picks, mut changed) = live(parts, &pieces, &columns, kind, stable);
    if parts.len() > 1 {
        // the parts are sorted, which a stable sort takes advantage of
        picks.sort_by(|a, b| {
            let (left, right) = (parts[a.0].rows.ids(), parts[b.0].rows.ids());
            left.compare_rows(a.1, right, b.1)
        });
    }
    let stamp = |pick: &(usize, usize)| match changed.get(pick) {
        Some((stamp, _)) => *stamp,
        None => parts[pick.0].stamps.get(pick.1),
    };
    let stamps = StampColumn::collect(picks.iter().map(stamp)).ok_or(FoldError::TooManyLogs)?;
    let mut residue = BTreeMap::new();
    for (number, pick) in (0u32..).zip(&picks) {
        if changed.is_empty() {
            break;
        }
        let kept = changed.remove(pick).and_then(|(_, residue)| residue);
        residue.extend(kept.map(|residue| (number, residue)));
    }
    Ok(Merged {
        kind,
        columns,
        pieces,
        picks,
        stamps,
        residue,
    })
}

/// By piece and row, what is left of rows of which their part knows more or other than their columns and stamps say.
type Changed = HashMap<(usize, usize), (Stamp, Option<Residue>)>;

/// The rows that stay, as (piece, row), part after part.
fn live(
    parts: &[PartRows],
    pieces: &[Rows],
    columns: &[(AttributeName, AttributeType)],
    kind: IdKind,
    stable: Hlc,
) -> (Vec<(usize, usize)>, Changed) {
    let rows = parts.iter().map(|part| {
        let rows = part.rows.len() as u64;
        rows.saturating_sub(part.dead.len())
    });
    let rows = usize::try_from(rows.sum::<u64>()).unwrap_or(0);
    let (mut picks, mut changed) = (Vec::with_capacity(rows), Changed::new());
    for (at, (part, piece)) in parts.iter().zip(pieces).enumerate() {
        if part.rows.ids().kind() != kind {
            continue;
        }
        let lost = lost(piece, columns);
        for (number, row) in (0u32..).zip(0..part.rows.len()) {
            if part.dead.contains(number) {
                continue;
            }
            let stamp = part.stamps.get(row);
            let left = match part.residue.get(&number) {
                Some(residue) => residue.settled(stable),
                None => plain(stamp, &lost, row, stable),
            };
            match left {
                Settled::Gone => continue,
                Settled::Plain(now) if now == stamp => {}
                Settled::Plain(now) => drop(changed.insert((at, row), (now, None))),
                Settled::Kept(now, residue) => {
                    changed.insert((at, row), (now, Some(residue)));
                }
            }
            picks.push((at, row));
        }
    }
    (picks, changed)
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
        Ok(self.rows(self.gather(&self.columns)?))
    }

    fn rows(&self, rows: Rows) -> PartRows {
        PartRows {
            residue: Arc::new(self.residue.clone()),
            ..PartRows::new(Arc::new(rows), self.stamps.clone())
        }
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
        Ok((self.rows(self.gather(&columns)?), vectors))
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

//! [`IdColumn`]: the ids of many rows.

use super::{Id, IdKind};
use std::{cmp::Ordering, sync::Arc};
use uuid::Uuid;

/// The ids of many rows, all of one kind, in row order. Cheap to clone.
#[derive(Debug, Clone, PartialEq)]
pub enum IdColumn {
    /// Unsigned integers; may borrow a mapped file.
    U64(arrow_buffer::ScalarBuffer<u64>),
    /// UUIDs.
    Uuid(Arc<[Uuid]>),
    /// Text; may borrow a mapped file.
    Str(arrow_array::StringArray),
}

impl IdColumn {
    /// How many rows.
    pub fn len(&self) -> usize {
        match self {
            Self::U64(v) => v.len(),
            Self::Uuid(v) => v.len(),
            Self::Str(v) => arrow_array::Array::len(v),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The kind of the ids.
    pub fn kind(&self) -> IdKind {
        match self {
            Self::U64(_) => IdKind::Uint,
            Self::Uuid(_) => IdKind::Uuid,
            Self::Str(_) => IdKind::String,
        }
    }

    /// The id of row `row`, which must be below [`Self::len`].
    pub fn get(&self, row: usize) -> Id {
        match self {
            Self::U64(v) => Id::U64(v[row]),
            Self::Uuid(v) => Id::Uuid(v[row]),
            Self::Str(v) => Id::Str(v.value(row).into()),
        }
    }

    /// The ids in row order.
    pub fn iter(&self) -> impl Iterator<Item = Id> + '_ {
        (0..self.len()).map(|row| self.get(row))
    }

    /// The ids of `rows`, in that order; each must be below [`Self::len`].
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let rows = rows.iter().map(|row| *row as usize);
        match self {
            Self::U64(v) => Self::U64(rows.map(|row| v[row]).collect::<Vec<_>>().into()),
            Self::Uuid(v) => Self::Uuid(rows.map(|row| v[row]).collect()),
            Self::Str(v) => Self::Str(rows.map(|row| Some(v.value(row))).collect()),
        }
    }

    /// The ids that `picks` names as (piece, row), in that order; each must be a row of a piece. `None` where a piece
    /// that is named holds ids of another kind.
    pub fn interleave(kind: IdKind, pieces: &[&Self], picks: &[(usize, usize)]) -> Option<Self> {
        let picks = picks.iter().map(|(piece, row)| (pieces[*piece], *row));
        Some(match kind {
            IdKind::Uint => {
                let get = |(piece, row): (&Self, usize)| match piece {
                    Self::U64(v) => Some(v[row]),
                    _ => None,
                };
                Self::U64(picks.map(get).collect::<Option<Vec<_>>>()?.into())
            }
            IdKind::Uuid => {
                let get = |(piece, row): (&Self, usize)| match piece {
                    Self::Uuid(v) => Some(v[row]),
                    _ => None,
                };
                Self::Uuid(picks.map(get).collect::<Option<Vec<_>>>()?.into())
            }
            IdKind::String => {
                let mut builder = arrow_array::builder::StringBuilder::new();
                for (piece, row) in picks {
                    let Self::Str(v) = piece else {
                        return None;
                    };
                    builder.append_value(v.value(row));
                }
                Self::Str(builder.finish())
            }
        })
    }

    /// Compares the id of `row` with that of row `other_row` of `other`, without copying either; kinds order as in
    /// [`Id`].
    pub fn compare_rows(&self, row: usize, other: &Self, other_row: usize) -> Ordering {
        match (self, other) {
            (Self::U64(a), Self::U64(b)) => a[row].cmp(&b[other_row]),
            (Self::Uuid(a), Self::Uuid(b)) => a[row].cmp(&b[other_row]),
            (Self::Str(a), Self::Str(b)) => a.value(row).cmp(b.value(other_row)),
            _ => self.kind().cmp(&other.kind()),
        }
    }

    /// The row that holds `id`, where the column is sorted.
    pub fn binary_search(&self, id: &Id) -> Option<usize> {
        let (mut low, mut high) = (0, self.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.compare(middle, id) {
                Ordering::Less => low = middle + 1,
                Ordering::Greater => high = middle,
                Ordering::Equal => return Some(middle),
            }
        }
        None
    }

    /// Compares the id of `row` with `id`, without copying it; kinds order as in [`Id`].
    pub fn compare(&self, row: usize, id: &Id) -> Ordering {
        match (self, id) {
            (Self::U64(v), Id::U64(b)) => v[row].cmp(b),
            (Self::Uuid(v), Id::Uuid(b)) => v[row].cmp(b),
            (Self::Str(v), Id::Str(b)) => v.value(row).cmp(&**b),
            _ => self.kind().cmp(&id.kind()),
        }
    }

    /// The column of `ids`; `None` when they are of several kinds. No ids make a column of `kind`.
    pub fn from_ids<'a>(kind: IdKind, ids: impl IntoIterator<Item = &'a Id>) -> Option<Self> {
        let ids = ids.into_iter();
        Some(match kind {
            IdKind::Uint => {
                let get = |id: &Id| if let Id::U64(n) = id { Some(*n) } else { None };
                Self::U64(ids.map(get).collect::<Option<Vec<_>>>()?.into())
            }
            IdKind::Uuid => {
                let get = |id: &Id| if let Id::Uuid(u) = id { Some(*u) } else { None };
                Self::Uuid(ids.map(get).collect::<Option<Vec<_>>>()?.into())
            }
            IdKind::String => {
                let get = |id: &'a Id| {
                    if let Id::Str(s) = id {
                        Some(&**s)
                    } else {
                        None
                    }
                };
                let ids = ids.map(get).collect::<Option<Vec<_>>>()?;
                Self::Str(arrow_array::StringArray::from_iter_values(ids))
            }
        })
    }
}

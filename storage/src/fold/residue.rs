//! [`Residue`]: what of a row's state its columns cannot hold; and rows with all that is known of them as such columns.

use super::{
    Base, Cell, FoldError, NamespaceState, Overlay, RowRef, RowState, SchemaState, overlay::to_u32,
};
use crate::model::{
    AttributeName, AttributeType, Column, Hlc, Id, IdColumn, IdKind, Rows, RowsError, ScalarType,
    Stamp, Value, VectorValue,
};
use std::{collections::BTreeMap, sync::Arc};

/// What of a row's state the columns of a part do not hold, as long as a late mutation could need
/// it: stamps of columns, rows that are not live, values of a type that lost.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Residue {
    /// The state without the row; its cells are in the columns already, where the row is live.
    pub state: RowState<()>,
    /// Values of the row that its columns cannot hold, because another type counts.
    pub side: BTreeMap<AttributeName, Value>,
}

/// Rows with all that is known of them, as a part holds them.
#[derive(Debug, Clone)]
pub struct StateRows {
    /// The rows as a reader sees them, by id; those that are not live hold nulls.
    pub rows: Arc<Rows>,
    /// Their newest mutations.
    pub stamps: Vec<Stamp>,
    /// By row, what its columns do not hold.
    pub residue: BTreeMap<u32, Residue>,
}

/// What is left of a row when older mutations cannot come any more.
#[derive(Debug, Clone, PartialEq)]
pub enum Settled {
    /// Nothing: the row is not live, and nothing can need what was known of it.
    Gone,
    /// A row of which the columns hold all, with its stamp.
    Plain(Stamp),
    /// A row of which more is known, with the stamp of its newest mutation.
    Kept(Stamp, Residue),
}

impl Residue {
    /// A live row whose columns do not hold the values `side`.
    pub fn of_side(stamp: Stamp, side: BTreeMap<AttributeName, Value>) -> Self {
        Self {
            state: RowState::live(stamp, ()),
            side,
        }
    }

    /// What is left where no mutation up to `stable` can come any more.
    pub fn settled(&self, stable: Hlc) -> Settled {
        let (mut state, mut side) = (self.state.clone(), self.side.clone());
        state.settle(stable);
        if let Base::Live { stamp, .. } = state.base()
            && stamp.hlc <= stable
        {
            let (done, rest) = state.split_cells(stable);
            let newest = done.values().filter_map(Cell::newest);
            state = RowState::with_cells(newest.fold(*stamp, Stamp::max), (), rest);
            side.clear();
        }
        match state.newest() {
            None => Settled::Gone,
            Some(stamp) if state.is_live() && state.cells().is_empty() && side.is_empty() => {
                Settled::Plain(stamp)
            }
            Some(stamp) => Settled::Kept(stamp, Self { state, side }),
        }
    }

    /// All that is known of the row `id` whose columns are `at`.
    pub(super) fn state_of(&self, id: &Id, at: RowRef) -> Result<RowState<RowRef>, FoldError> {
        let at = if self.side.is_empty() {
            at
        } else {
            with_side(id, &at, &self.side)?
        };
        Ok(self.state.clone().map_row(|()| at))
    }
}

impl NamespaceState {
    /// All that is known of the rows, as the content of parts: one for each kind of ids, of which all but one
    /// have lost. Empty where no row is known.
    pub fn to_parts(&self) -> Result<Vec<StateRows>, FoldError> {
        self.overlay().to_parts()
    }

    /// The state that [`Self::to_parts`] was made of.
    pub fn from_parts(
        schema: SchemaState,
        parts: impl IntoIterator<Item = StateRows>,
    ) -> Result<Self, FoldError> {
        let mut states = Vec::new();
        for part in parts {
            for (row, id) in part.rows.ids().iter().enumerate() {
                if let Some(state) = part.state(&id, row)? {
                    states.push((id, state));
                }
            }
        }
        Ok(Self::new(schema, states.into_iter()))
    }
}

impl Overlay {
    /// All that is known of the touched rows, as the content of parts, see [`NamespaceState::to_parts`].
    pub(super) fn to_parts(&self) -> Result<Vec<StateRows>, FoldError> {
        let mut known: Vec<&Id> = self.ids().collect();
        known.sort_unstable();
        let mut kinds: BTreeMap<IdKind, Vec<&Id>> = BTreeMap::new();
        for id in known {
            kinds.entry(id.kind()).or_default().push(id);
        }
        kinds
            .into_iter()
            .map(|(kind, ids)| self.part(kind, &ids))
            .collect()
    }

    fn part(&self, kind: IdKind, ids: &[&Id]) -> Result<StateRows, FoldError> {
        let schema = crate::model::Schema {
            id_kind: Some(kind),
            ..self.schema().schema()
        };
        let states = || ids.iter().filter_map(|id| Some((*id, self.get(id)?)));
        let (live, rest): (Vec<_>, Vec<_>) = states().partition(|(_, state)| state.is_live());
        let live: Vec<Id> = live.into_iter().map(|(id, _)| id.clone()).collect();
        let resolved = self.resolve(&live, &schema)?.rows;
        let rest = IdColumn::from_ids(kind, rest.into_iter().map(|(id, _)| id));
        let rest = Rows::new(rest.ok_or(RowsError::MixedIds)?, vec![])?;
        let (mut next_live, mut next_rest) = (0.., 0..);
        let picks: Vec<(usize, usize)> = states()
            .filter_map(|(_, state)| {
                Some(if state.is_live() {
                    (0, next_live.next()?)
                } else {
                    (1, next_rest.next()?)
                })
            })
            .collect();
        let columns: Vec<_> = schema
            .attributes
            .iter()
            .map(|(name, config)| (name.clone(), config.ty))
            .collect();
        let rows = Rows::interleave(kind, &columns, &[&resolved, &rest], &picks)?;
        let residue = states()
            .enumerate()
            .filter_map(|(row, (_, state))| Some((to_u32(row), self.residue(state)?)));
        Ok(StateRows {
            rows: Arc::new(rows),
            stamps: states().filter_map(|(_, state)| state.newest()).collect(),
            residue: residue.collect(),
        })
    }

    /// What of a state the columns of a part do not hold; `None` where they hold all.
    fn residue(&self, state: &RowState<RowRef>) -> Option<Residue> {
        let mut side = BTreeMap::new();
        if let Base::Live { stamp, row } = state.base() {
            for column in row.rows.columns() {
                let name = column.name.as_str();
                let replaced = state
                    .cells()
                    .get(name)
                    .is_some_and(|cell| cell.full.is_some());
                let declared = self.schema().declared_type(name);
                if replaced || declared == Some(column.ty) || self.schema().is_dropped(name, *stamp)
                {
                    continue;
                }
                let value = column.value(row.row as usize);
                if !value.is_null() {
                    side.insert(column.name.clone(), value);
                }
            }
        }
        let plain = state.is_live() && state.cells().is_empty() && side.is_empty();
        (!plain).then(|| Residue {
            state: state.clone().map_row(|_| ()),
            side,
        })
    }
}

impl StateRows {
    /// All that is known of a row.
    fn state(&self, id: &Id, row: usize) -> Result<Option<RowState<RowRef>>, FoldError> {
        let Some(stamp) = self.stamps.get(row) else {
            return Ok(None);
        };
        let rows = Arc::clone(&self.rows);
        let at = RowRef {
            rows,
            row: to_u32(row),
        };
        Ok(Some(match self.residue.get(&at.row) {
            None => RowState::live(*stamp, at),
            Some(residue) => residue.state_of(id, at)?,
        }))
    }
}

/// A row with values that the columns of its part cannot hold.
fn with_side(
    id: &Id,
    row: &RowRef,
    side: &BTreeMap<AttributeName, Value>,
) -> Result<RowRef, FoldError> {
    let kept = row
        .rows
        .columns()
        .iter()
        .filter(|column| !side.contains_key(&column.name));
    let kept = kept.map(|column| {
        let array = column.array.slice(row.row as usize, 1);
        Column {
            array,
            ..column.clone()
        }
    });
    let other = side.iter().filter_map(|(name, value)| {
        Column::from_values(name.clone(), type_of(value)?, std::slice::from_ref(value))
    });
    let ids = IdColumn::from_ids(id.kind(), [id]).ok_or(RowsError::MixedIds)?;
    let rows = Rows::new(ids, kept.chain(other).collect())?;
    Ok(RowRef {
        rows: Arc::new(rows),
        row: 0,
    })
}

/// A type that can hold the value; any type of arrays can hold one of no values.
fn type_of(value: &Value) -> Option<AttributeType> {
    Some(match value {
        Value::Null => return None,
        Value::Array(items) => {
            let item = items.iter().find_map(Value::scalar_type);
            AttributeType::Array(item.unwrap_or(ScalarType::String))
        }
        Value::Vector(vector) => AttributeType::Vector {
            dim: u32::try_from(VectorValue::dim(vector)).ok()?,
            element: vector.element(),
        },
        Value::Sparse(_) => AttributeType::Sparse,
        value => AttributeType::Scalar(value.scalar_type()?),
    })
}

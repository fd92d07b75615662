//! [`RowState`]: everything known of one row.

use crate::model::{AttributeName, Hlc, Rows, Stamp, Value};
use std::{collections::BTreeMap, sync::Arc};

/// One row of shared columns.
#[derive(Debug, Clone)]
pub struct RowRef {
    /// The columns.
    pub rows: Arc<Rows>,
    /// Which of their rows.
    pub row: u32,
}

impl RowRef {
    /// The value of `name`; null where there is no such column.
    pub fn value(&self, name: &str) -> Value {
        self.rows.value(self.row as usize, name)
    }
}

/// The newest upsert or delete of a row.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Base<R> {
    /// Neither is known.
    #[default]
    Unknown,
    /// An upsert.
    Live {
        /// Its stamp.
        stamp: Stamp,
        /// The row that it wrote.
        row: R,
    },
    /// A delete.
    Dead {
        /// Its stamp.
        stamp: Stamp,
    },
}

impl<R> Base<R> {
    /// The stamp of the upsert or delete.
    pub fn stamp(&self) -> Option<Stamp> {
        match self {
            Self::Unknown => None,
            Self::Live { stamp, .. } | Self::Dead { stamp } => Some(*stamp),
        }
    }
}

/// What patches newer than the base did to one column.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Cell {
    /// The newest patch of the whole value.
    pub full: Option<(Stamp, Value)>,
    /// By dimension the newest sparse patch, where newer than `full`.
    pub dims: BTreeMap<u32, (Stamp, f32)>,
}

impl Cell {
    fn drop_up_to(&mut self, stamp: Stamp) {
        if self.full.as_ref().is_some_and(|(at, _)| *at <= stamp) {
            self.full = None;
        }
        self.dims.retain(|_, (at, _)| *at > stamp);
    }

    fn is_empty(&self) -> bool {
        self.full.is_none() && self.dims.is_empty()
    }

    pub(super) fn newest(&self) -> Option<Stamp> {
        let dims = self.dims.values().map(|(stamp, _)| *stamp);
        dims.chain(self.full.as_ref().map(|(stamp, _)| *stamp))
            .max()
    }

    /// The column's value where the base holds `below`.
    pub fn over(&self, below: Value) -> Value {
        let value = self.full.as_ref().map_or(below, |(_, value)| value.clone());
        match value {
            Value::Vector(vector) if !self.dims.is_empty() => {
                let dims = self.dims.iter().map(|(dim, (_, value))| (*dim, *value));
                Value::Vector(vector.with_dims(dims))
            }
            value => value,
        }
    }
}

/// Everything known of one row, in normal form: two states are equal iff they know the same.
///
/// A join-semilattice under [`Self::merge`]: the newest base wins, and per column the newest patch; what is
/// older than the base can never matter again and is dropped.
#[derive(Debug, Clone, PartialEq)]
pub struct RowState<R> {
    base: Base<R>,
    cells: BTreeMap<AttributeName, Cell>,
}

impl<R> Default for RowState<R> {
    fn default() -> Self {
        Self {
            base: Base::Unknown,
            cells: BTreeMap::new(),
        }
    }
}

impl<R> RowState<R> {
    /// A row that an upsert wrote.
    pub fn live(stamp: Stamp, row: R) -> Self {
        Self {
            base: Base::Live { stamp, row },
            cells: BTreeMap::new(),
        }
    }

    /// The newest upsert or delete.
    pub fn base(&self) -> &Base<R> {
        &self.base
    }

    /// Patches newer than the base, by column.
    pub fn cells(&self) -> &BTreeMap<AttributeName, Cell> {
        &self.cells
    }

    /// Whether the row exists.
    pub fn is_live(&self) -> bool {
        matches!(self.base, Base::Live { .. })
    }

    /// The newest mutation that still matters.
    pub fn newest(&self) -> Option<Stamp> {
        self.cells
            .values()
            .filter_map(Cell::newest)
            .chain(self.base.stamp())
            .max()
    }

    /// What a patch of `column` with this stamp meets: the base where that is newer, else what the column was set by.
    pub fn rival(&self, column: &AttributeName, stamp: Stamp) -> Option<Stamp> {
        let base = self.base.stamp().filter(|base| *base > stamp);
        base.or_else(|| self.cells.get(column)?.newest())
    }

    /// Whether nothing is known.
    pub fn is_empty(&self) -> bool {
        matches!(self.base, Base::Unknown) && self.cells.is_empty()
    }

    /// The row was replaced.
    pub fn upsert(&mut self, stamp: Stamp, row: R) {
        self.rebase(Base::Live { stamp, row });
    }

    /// The row was deleted.
    pub fn delete(&mut self, stamp: Stamp) {
        self.rebase(Base::Dead { stamp });
    }

    /// A column was set.
    pub fn patch(&mut self, stamp: Stamp, column: &AttributeName, value: Value) {
        if self.base.stamp().is_some_and(|base| stamp <= base) {
            return;
        }
        let cell = self.cells.entry(column.clone()).or_default();
        if cell.full.as_ref().is_none_or(|(at, _)| *at < stamp) {
            cell.drop_up_to(stamp);
            cell.full = Some((stamp, value));
        }
    }

    /// Single dimensions of a vector were set.
    pub fn patch_dims(
        &mut self,
        stamp: Stamp,
        column: &AttributeName,
        dims: impl IntoIterator<Item = (u32, f32)>,
    ) {
        if self.base.stamp().is_some_and(|base| stamp <= base) {
            return;
        }
        let cell = self.cells.entry(column.clone()).or_default();
        if cell.full.as_ref().is_some_and(|(at, _)| stamp <= *at) {
            return;
        }
        for (dim, value) in dims {
            let slot = cell.dims.entry(dim).or_insert((stamp, value));
            if slot.0 < stamp {
                *slot = (stamp, value);
            }
        }
        if cell.is_empty() {
            self.cells.remove(column);
        }
    }

    /// Both states together.
    pub fn merge(&mut self, other: Self) {
        self.rebase(other.base);
        for (column, cell) in other.cells {
            if let Some((stamp, value)) = cell.full {
                self.patch(stamp, &column, value);
            }
            for (dim, (stamp, value)) in cell.dims {
                self.patch_dims(stamp, &column, [(dim, value)]);
            }
        }
    }

    /// Forgets what no late mutation can change any more: every member log was seen past `stable`.
    pub fn settle(&mut self, stable: Hlc) {
        match &self.base {
            Base::Dead { stamp } if stamp.hlc <= stable => self.base = Base::Unknown,
            _ => {}
        }
        if !self.is_live() {
            for cell in self.cells.values_mut() {
                cell.dims.retain(|_, (stamp, _)| stamp.hlc > stable);
                if cell
                    .full
                    .as_ref()
                    .is_some_and(|(stamp, _)| stamp.hlc <= stable)
                {
                    cell.full = None;
                }
            }
            self.cells.retain(|_, cell| !cell.is_empty());
        }
    }

    /// Hides the patches of `column` that are not newer than its drop.
    pub fn drop_column(&mut self, column: &AttributeName, stamp: Stamp) {
        if let Some(cell) = self.cells.get_mut(column) {
            cell.drop_up_to(stamp);
            if cell.is_empty() {
                self.cells.remove(column);
            }
        }
    }

    /// What is left when everything up to `stamp` vanishes with its namespace.
    #[must_use]
    pub fn after(mut self, stamp: Stamp) -> Self {
        if self.base.stamp().is_some_and(|at| at <= stamp) {
            self.base = Base::Unknown;
        }
        for cell in self.cells.values_mut() {
            cell.drop_up_to(stamp);
        }
        self.cells.retain(|_, cell| !cell.is_empty());
        self
    }

    /// A row that an upsert wrote, with patches newer than it.
    pub(super) fn with_cells(stamp: Stamp, row: R, cells: BTreeMap<AttributeName, Cell>) -> Self {
        let base = Base::Live { stamp, row };
        Self { base, cells }
    }

    /// The patches up to `stable`, and those after it.
    pub(super) fn split_cells(
        &self,
        stable: Hlc,
    ) -> (BTreeMap<AttributeName, Cell>, BTreeMap<AttributeName, Cell>) {
        let part = |keep: fn(Hlc, Hlc) -> bool| {
            let keeps = move |stamp: &Stamp| keep(stamp.hlc, stable);
            let cells = self.cells.iter().map(move |(name, cell)| {
                let full = cell.full.clone().filter(|(stamp, _)| keeps(stamp));
                let dims = cell.dims.iter().filter(|(_, (stamp, _))| keeps(stamp));
                let dims = dims.map(|(dim, set)| (*dim, *set)).collect();
                (name.clone(), Cell { full, dims })
            });
            cells.filter(|(_, cell)| !cell.is_empty()).collect()
        };
        (
            part(|hlc, stable| hlc <= stable),
            part(|hlc, stable| hlc > stable),
        )
    }

    /// The state with another payload.
    pub(super) fn map_row<S>(self, row: impl FnOnce(R) -> S) -> RowState<S> {
        let base = match self.base {
            Base::Unknown => Base::Unknown,
            Base::Live { stamp, row: old } => Base::Live {
                stamp,
                row: row(old),
            },
            Base::Dead { stamp } => Base::Dead { stamp },
        };
        RowState {
            base,
            cells: self.cells,
        }
    }

    fn rebase(&mut self, base: Base<R>) {
        let Some(stamp) = base.stamp() else { return };
        if self.base.stamp().is_some_and(|at| stamp <= at) {
            return;
        }
        self.base = base;
        for cell in self.cells.values_mut() {
            cell.drop_up_to(stamp);
        }
        self.cells.retain(|_, cell| !cell.is_empty());
    }
}

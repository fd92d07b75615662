//! [`Reading`]: what the readers of one section of a write share.

use super::{Budget, Fault, Types};
use isobath_storage::model::IdKind;
use serde::de;
use std::cell::{Cell, RefCell};

/// How the rows of a section are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Layout {
    /// One object a row.
    Rows,
    /// One array an attribute.
    Columns,
}

/// What a member of a row or of the columns is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Member {
    /// The ids.
    Id,
    /// The attribute with this index in the table.
    Attribute(usize),
}

/// What the readers of one section of a write share.
#[derive(Debug)]
pub(super) struct Reading<'t> {
    pub(super) types: &'t Types,
    pub(super) budget: &'t Budget,
    /// The kind of the ids of the whole write, as soon as it is known.
    pub(super) id_kind: &'t Cell<Option<IdKind>>,
    /// The section patches rows.
    pub(super) patch: bool,
    /// Where the reader is.
    pub(super) row: Cell<Option<usize>>,
    /// Where the reader is.
    pub(super) member: Cell<Option<Member>>,
    /// Why a reader gave up, where it was not for the JSON's shape.
    fault: RefCell<Option<Fault>>,
}

impl<'t> Reading<'t> {
    pub(super) fn new(
        types: &'t Types,
        budget: &'t Budget,
        id_kind: &'t Cell<Option<IdKind>>,
        patch: bool,
    ) -> Self {
        Self {
            types,
            budget,
            id_kind,
            patch,
            row: Cell::new(None),
            member: Cell::new(None),
            fault: RefCell::new(None),
        }
    }

    /// Makes the reader give up because of `fault`.
    pub(super) fn refuse<E: de::Error>(&self, fault: Fault) -> E {
        self.fault.replace(Some(fault));
        E::custom("refused")
    }

    /// Why the reader gave up.
    pub(super) fn fault(&self, error: &serde_json::Error) -> Fault {
        let noted = self.fault.take();
        noted.unwrap_or_else(|| Fault::of_json(error))
    }
}

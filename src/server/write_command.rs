//! [`WriteCommand`]: a write, decoded.

use super::PolicyChange;
use isobath_query::search::{Condition, Filter, Selection};
use isobath_storage::model::{Column, Declaration, Mutation, Namespace};

/// A write, decoded. All of it takes effect, or nothing.
///
/// A schema update is a write that only declares and switches, of a namespace that must exist.
#[derive(Debug, Clone, Default)]
pub struct WriteCommand {
    /// What to do where the namespace is missing.
    pub existence: Existence,
    /// Type and metric of every attribute that is written or declared; `id` among them when ids occur.
    pub declarations: Vec<Declaration>,
    /// The mutations: controls first, then upserts, patches, deletes. No id occurs twice.
    pub mutations: Vec<Mutation>,
    /// Deletes rows before anything else is done.
    pub delete_by_filter: Option<ByFilter>,
    /// Patches rows after that, before the mutations of rows.
    pub patch_by_filter: Option<PatchByFilter>,
    /// Which rows of the mutations are written.
    pub conditions: Conditions,
    /// What must still hold when it is done.
    pub guard: RowGuard,
    /// The answer names the rows that were changed.
    pub return_ids: bool,
    /// Takes all rows and the schema from another namespace; nothing else is in the write then.
    pub copy_from: Option<CopyFrom>,
    /// Changes the namespace's policy.
    pub policy: Option<PolicyChange>,
}

impl WriteCommand {
    /// Whether its effect depends on what the rows hold, so that it must not be carried out twice.
    pub fn depends_on_rows(&self) -> bool {
        let by_filter = self.delete_by_filter.is_some() || self.patch_by_filter.is_some();
        by_filter || !self.conditions.is_empty() || !self.guard.is_empty()
    }
}

/// How a write that takes all rows from another namespace is asked for; both do the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CopyKind {
    /// As a copy.
    Copy,
    /// As a branch.
    Branch,
}

impl CopyKind {
    /// The field that asks for it.
    pub fn field(self) -> &'static str {
        match self {
            Self::Copy => "copy_from_namespace",
            Self::Branch => "branch_from_namespace",
        }
    }
}

/// Which namespace is copied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CopyFrom {
    /// As what it is asked for.
    pub kind: CopyKind,
    /// Its name.
    pub source: Namespace,
    /// Its region, where the request names one.
    pub region: Option<String>,
    /// When it held what is wanted, in milliseconds since 1970; none = now.
    pub as_of: Option<u64>,
}

/// Which rows a write by filter changes.
#[derive(Debug, Clone, PartialEq)]
pub struct ByFilter {
    /// Those that pass it.
    pub filter: Filter,
    /// Where more pass than one write may change: some of them, instead of an error.
    pub allow_partial: bool,
}

/// Sets the same values in all rows that pass a filter.
#[derive(Debug, Clone)]
pub struct PatchByFilter {
    /// Which rows.
    pub rows: ByFilter,
    /// The values: columns of one row.
    pub columns: Vec<Column>,
}

/// Which rows of a write are written: those that are there and meet the condition of their kind of write,
/// and upserts of rows that are not there.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Conditions {
    /// For upserts.
    pub upsert: Option<Condition>,
    /// For patches.
    pub patch: Option<Condition>,
    /// For deletes.
    pub delete: Option<Condition>,
}

impl Conditions {
    /// Whether every row is written.
    pub fn is_empty(&self) -> bool {
        self.upsert.is_none() && self.patch.is_none() && self.delete.is_none()
    }
}

/// What must still hold of the rows when a write is done, or nothing of it is.
#[derive(Debug, Clone, Default)]
pub struct RowGuard {
    /// These rows are as they were when they were chosen.
    pub unchanged: Vec<Selection>,
    /// No row is there that is upserted.
    pub absent: bool,
    /// The namespace is not there.
    pub no_namespace: bool,
}

impl RowGuard {
    /// Whether nothing is asked for.
    pub fn is_empty(&self) -> bool {
        self.unchanged.is_empty() && !self.absent && !self.no_namespace
    }
}

/// What a write does where its namespace is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Existence {
    /// Upserts create it; patches and deletes alone find nothing to change and succeed.
    #[default]
    Implicit,
    /// It is created, also without rows; the mutations hold a `Create` already.
    Create,
    /// The write fails with [`NotFound`](super::EngineErrorKind::NotFound).
    MustExist,
}

//! [`Block`]: the mutations of one namespace in one segment.

use super::{
    Adoption, AttributeName, AttributeType, BodyHash, Id, IdColumn, IdempotencyKey, Metric,
    Namespace, Rows, RowsError,
};
use arrow_buffer::BooleanBuffer;
use serde::{Deserialize, Serialize};
use std::{collections::BTreeMap, fmt};

/// The mutations of one namespace in one segment, request by request.
#[derive(Debug, Clone)]
pub struct Block {
    /// The namespace.
    pub namespace: Namespace,
    /// The requests in the order in which the owner took them.
    pub requests: Vec<Request>,
}

impl Block {
    /// The newest adoption among its requests, with the record's index in the segment.
    pub fn adoption(&self) -> Option<(u32, &Adoption)> {
        self.requests.iter().rev().find_map(Request::adoption)
    }
}

/// One write: all of it is applied, or nothing.
#[derive(Debug, Clone)]
pub struct Request {
    /// The index in the segment of its first mutation; the others follow without a gap.
    /// Set by the owner when it closes the batch.
    pub first_index: u32,
    /// Names the write; a repeat is answered, not applied.
    pub key: IdempotencyKey,
    /// What a marked retry without a key is recognised by.
    pub body: BodyHash,
    /// Names the API key that was used, where there are keys.
    pub api_key: Option<String>,
    /// What the write did, as the owner saw it.
    pub counts: Counts,
    /// The configuration of the attributes that the mutations use; stamped like the last of the controls
    /// that the mutations begin with, or else like the first mutation.
    pub declarations: Vec<Declaration>,
    /// The mutations, in order.
    pub mutations: Vec<Mutation>,
}

/// What an attribute is, in the eyes of the writer.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Declaration {
    /// The attribute; `id` declares the kind of the ids.
    pub attribute: AttributeName,
    /// Its type.
    #[serde(rename = "type")]
    pub ty: AttributeType,
    /// The distance of a vector attribute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metric: Option<Metric>,
}

/// What a write did. A kind that the write did not contain is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Counts {
    /// Rows inserted or replaced.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub upserted: Option<u64>,
    /// Rows of which attributes were set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub patched: Option<u64>,
    /// Rows deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<u64>,
    /// The write's filters match more rows than one write may change: it is to be sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub remaining: bool,
}

impl Counts {
    /// Rows touched in any way.
    pub fn affected(&self) -> u64 {
        [self.upserted, self.patched, self.deleted]
            .into_iter()
            .flatten()
            .sum()
    }
}

/// A change of rows or of the namespace itself.
#[derive(Debug, Clone)]
pub enum Mutation {
    /// Replaces rows; a column that is not named becomes null.
    Upsert(Rows),
    /// Sets columns of rows.
    Patch(PatchMask, Rows),
    /// Sets single dimensions of vectors.
    SparsePatch(Vec<SparsePatch>),
    /// Deletes rows.
    Delete(IdColumn),
    /// Changes the namespace itself.
    Control(Control),
}

impl Mutation {
    /// The ids of its rows, in order; none of a control.
    pub fn ids(&self) -> Box<dyn Iterator<Item = Id> + '_> {
        match self {
            Self::Upsert(rows) | Self::Patch(_, rows) => Box::new(rows.ids().iter()),
            Self::SparsePatch(patches) => Box::new(patches.iter().map(|patch| patch.id.clone())),
            Self::Delete(ids) => Box::new(ids.iter()),
            Self::Control(_) => Box::new(std::iter::empty()),
        }
    }

    /// The same for `rows` alone, rising; each must be below [`Self::len`]. A control stays as it is.
    pub fn take(&self, rows: &[u32]) -> Result<Self, RowsError> {
        if rows.len() == self.len() {
            return Ok(self.clone());
        }
        Ok(match self {
            Self::Upsert(all) => Self::Upsert(all.take(rows)?),
            Self::Patch(mask, all) => Self::Patch(mask.take(rows), all.take(rows)?),
            Self::SparsePatch(all) => {
                let picked = rows.iter().map(|row| all[*row as usize].clone());
                Self::SparsePatch(picked.collect())
            }
            Self::Delete(all) => Self::Delete(all.take(rows)),
            Self::Control(_) => self.clone(),
        })
    }

    /// Bytes of memory that it holds, more or less.
    pub fn memory(&self) -> usize {
        match self {
            Self::Upsert(rows) | Self::Patch(_, rows) => rows.memory(),
            Self::SparsePatch(patches) => patches.iter().map(|p| 64 + p.dims.len() * 16).sum(),
            Self::Delete(ids) => ids.len() * 16,
            Self::Control(_) => 1_024,
        }
    }

    /// How many indices in the segment it takes: one a row.
    pub fn len(&self) -> usize {
        match self {
            Self::Upsert(rows) | Self::Patch(_, rows) => rows.len(),
            Self::SparsePatch(patches) => patches.len(),
            Self::Delete(ids) => ids.len(),
            Self::Control(_) => 1,
        }
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl Request {
    /// How many indices in the segment it takes; one for a request without mutations, so that its
    /// declarations have a stamp of their own.
    pub fn len(&self) -> usize {
        self.mutations
            .iter()
            .map(Mutation::len)
            .sum::<usize>()
            .max(1)
    }

    /// The index in the segment that its declarations are stamped with: they come after the drops and the
    /// deletion that the request begins with.
    pub fn declared_index(&self) -> u32 {
        let controls = self.mutations.iter();
        let controls = controls.take_while(|m| matches!(m, Mutation::Control(_)));
        let last = u32::try_from(controls.count().saturating_sub(1)).unwrap_or(u32::MAX);
        self.first_index.saturating_add(last)
    }

    /// The adoption among its mutations, with the record's index in the segment.
    pub fn adoption(&self) -> Option<(u32, &Adoption)> {
        let mut index = self.first_index;
        for mutation in &self.mutations {
            if let Mutation::Control(Control::Adopt { adopt }) = mutation {
                return Some((index, adopt));
            }
            let rows = u32::try_from(mutation.len()).unwrap_or(u32::MAX);
            index = index.saturating_add(rows);
        }
        None
    }

    /// Whether it changes nothing.
    pub fn is_empty(&self) -> bool {
        self.declarations.is_empty() && self.mutations.iter().all(Mutation::is_empty)
    }
}

/// Which columns a patch sets in which rows.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct PatchMask(BTreeMap<AttributeName, BooleanBuffer>);

impl PatchMask {
    /// Every column is set in every row.
    pub fn all() -> Self {
        Self::default()
    }

    /// A column that is set only where `rows` is true.
    pub fn insert(&mut self, column: AttributeName, rows: BooleanBuffer) {
        self.0.insert(column, rows);
    }

    /// Whether `column` is set in `row`.
    pub fn is_set(&self, column: &str, row: usize) -> bool {
        self.0
            .get(column)
            .is_none_or(|rows| row < rows.len() && rows.value(row))
    }

    /// The mask of `rows`, in that order; each must be below the number of rows that it was made for.
    #[must_use]
    pub fn take(&self, rows: &[u32]) -> Self {
        let pick = |mask: &BooleanBuffer| {
            BooleanBuffer::collect_bool(rows.len(), |at| {
                let row = rows[at] as usize;
                row < mask.len() && mask.value(row)
            })
        };
        let masks = self.0.iter();
        Self(
            masks
                .map(|(name, mask)| (name.clone(), pick(mask)))
                .collect(),
        )
    }

    /// The columns that are not set in every row.
    pub fn partial(&self) -> impl Iterator<Item = (&AttributeName, &BooleanBuffer)> {
        self.0.iter()
    }
}

/// Sets single dimensions of one vector of one row.
#[derive(Debug, Clone, PartialEq)]
pub struct SparsePatch {
    /// The row.
    pub id: Id,
    /// The vector attribute.
    pub attribute: AttributeName,
    /// Dimension → its new value.
    pub dims: BTreeMap<u32, f32>,
}

/// What can be switched for an attribute; the newest record wins, each switch on its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Switch {
    /// Whether filters may name it.
    Filterable,
    /// Full-text search: false, true or its settings.
    FullTextSearch,
    /// Whether regular expressions are indexed.
    Regex,
    /// Whether glob patterns are indexed.
    Glob,
    /// Whether fuzzy matching is indexed.
    Fuzzy,
    /// Whether a vector attribute gets an index.
    Ann,
}

impl fmt::Display for Switch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Filterable => "filterable",
            Self::FullTextSearch => "full_text_search",
            Self::Regex => "regex",
            Self::Glob => "glob",
            Self::Fuzzy => "fuzzy",
            Self::Ann => "ann",
        })
    }
}

/// A change of the namespace itself.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "control", rename_all = "snake_case")]
pub enum Control {
    /// The namespace exists from here on, also without rows.
    Create,
    /// Every mutation with an older stamp vanishes.
    Delete,
    /// Switches one feature of an attribute.
    Switch {
        /// The attribute.
        attribute: AttributeName,
        /// The feature.
        switch: Switch,
        /// On, off, or its settings.
        value: serde_json::Value,
    },
    /// Hides the attribute's older values and declarations.
    DropAttribute {
        /// The attribute.
        attribute: AttributeName,
    },
    /// Replaces the namespace's policy.
    Policy {
        /// The policy.
        policy: serde_json::Value,
    },
    /// Adopts parts by reference: a branch or a copy. Comes after a [`Self::Delete`] in the same request.
    Adopt {
        /// What is adopted.
        adopt: Adoption,
    },
    /// Holds mutations of a copy that are not visible yet.
    Batch {
        /// The hidden batch.
        batch: serde_json::Value,
    },
    /// Makes hidden batches visible.
    Publish {
        /// The batches.
        publish: serde_json::Value,
    },
}

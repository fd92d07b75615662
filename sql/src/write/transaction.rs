//! [`Transaction`]: writes that are kept back until they are committed together.

use super::{TableWrite, WriteGuard};
use crate::{SqlError, SqlErrorKind};
use isobath_storage::model::{Id, Mutation, Namespace};
use std::collections::HashSet;
use uuid::Uuid;

/// An open transaction: what it has written goes to the log as one write when it is committed.
#[derive(Debug, Clone, Default)]
pub(crate) struct Transaction {
    /// A statement failed: all others are refused up to the end.
    pub(crate) failed: bool,
    /// It was begun by a text of several statements, and ends with it.
    pub(crate) implicit: bool,
    write: Option<TableWrite>,
    ids: HashSet<Id>,
    bytes: usize,
}

impl Transaction {
    /// One that ends with the text that began it.
    pub(crate) fn implicit() -> Self {
        Self {
            implicit: true,
            ..Self::default()
        }
    }

    /// Refuses statements after one that failed.
    pub(crate) fn check(&self) -> Result<(), SqlError> {
        if !self.failed {
            return Ok(());
        }
        let said =
            "current transaction is aborted, commands ignored until end of transaction block";
        Err(SqlError::new(SqlErrorKind::Aborted, said))
    }

    /// The table that it has written to.
    pub(crate) fn written(&self) -> Option<&Namespace> {
        self.write.as_ref().map(|write| &write.namespace)
    }

    /// Adds a write; how many rows it changes.
    pub(crate) fn add(&mut self, mut write: TableWrite) -> Result<u64, SqlError> {
        let rows: usize = write.mutations.iter().map(Mutation::len).sum();
        if let Some(known) = &self.write
            && (is_definition(known) || is_definition(&write))
        {
            let feature = "another write beside CREATE TABLE or DROP TABLE in the same transaction";
            return Err(SqlError::unsupported(feature));
        }
        self.bytes += write.mutations.iter().map(Mutation::memory).sum::<usize>();
        if self.bytes > super::MAX_BYTES {
            let said = format!("a transaction takes at most {} bytes", super::MAX_BYTES);
            return Err(SqlError::new(SqlErrorKind::Memory, said));
        }
        if write.guard.skip_present {
            return Err(SqlError::unsupported(
                "ON CONFLICT DO NOTHING in a transaction",
            ));
        }
        if self
            .written()
            .is_some_and(|known| *known != write.namespace)
        {
            let feature = "writing to several tables in the same transaction";
            return Err(SqlError::unsupported(feature));
        }
        let ids: Vec<Id> = write.mutations.iter().flat_map(Mutation::ids).collect();
        if ids.iter().any(|id| self.ids.contains(id)) {
            let feature = "writing to a row twice in the same transaction";
            return Err(SqlError::unsupported(feature));
        }
        match &mut self.write {
            None => self.write = Some(write),
            Some(known) => {
                for declaration in write.declarations {
                    if !known
                        .declarations
                        .iter()
                        .any(|d| d.attribute == declaration.attribute)
                    {
                        known.declarations.push(declaration);
                    }
                }
                known.mutations.append(&mut write.mutations);
                known.mutations.sort_by_key(order);
                known.guard.join(write.guard);
            }
        }
        self.ids.extend(ids);
        Ok(rows as u64)
    }

    /// Whether it has written to a row of this id, given as text.
    pub(crate) fn has_id(&self, id: &str) -> bool {
        let id = plain(id);
        self.ids.iter().any(|known| plain(&known.to_string()) == id)
    }

    /// What is to be committed.
    pub(crate) fn into_write(self) -> Option<TableWrite> {
        self.write
    }
}

/// An id as text, the same however a number or a UUID was written.
fn plain(id: &str) -> String {
    match (id.trim().parse::<u64>(), Uuid::parse_str(id.trim())) {
        (Ok(number), _) => number.to_string(),
        (_, Ok(uuid)) => uuid.to_string(),
        _ => id.to_owned(),
    }
}

fn is_definition(write: &TableWrite) -> bool {
    let control = |mutation: &Mutation| matches!(mutation, Mutation::Control(_));
    write.mutations.iter().any(control)
}

/// Upserts come first, then patches, then deletes; no row is in two of them.
fn order(mutation: &Mutation) -> u8 {
    match mutation {
        Mutation::Control(_) => 0,
        Mutation::Upsert(_) => 1,
        Mutation::Patch(..) | Mutation::SparsePatch(_) => 2,
        Mutation::Delete(_) => 3,
    }
}

impl WriteGuard {
    fn join(&mut self, other: Self) {
        self.unchanged.extend(other.unchanged);
        self.absent |= other.absent;
    }
}

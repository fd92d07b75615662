//! From statements that write to the mutations of the HTTP API: one statement is one write, all of it or
//! nothing.

mod change;
mod columns;
mod define;
mod insert;
mod transaction;

pub(crate) use change::{delete, update};
pub(crate) use define::{create_table, drop_table};
pub(crate) use insert::insert;
pub(crate) use transaction::Transaction;

use crate::SqlError;
use datafusion::sql::sqlparser::ast::{ObjectName, ObjectNamePart};
use isobath_query::search::Selection;
use isobath_storage::model::{Declaration, Mutation, Namespace};

/// The most bytes that the rows of one statement or transaction may take.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// A write of one table. All of it takes effect, or nothing.
#[derive(Debug, Clone)]
pub struct TableWrite {
    /// The table.
    pub namespace: Namespace,
    /// Whether the table must be there.
    pub existence: TableExistence,
    /// Types of everything that is written, and metrics where the table is made.
    pub declarations: Vec<Declaration>,
    /// What is done. No id occurs twice.
    pub mutations: Vec<Mutation>,
    /// What must still hold when it is done.
    pub guard: WriteGuard,
}

/// Whether the table of a write must be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TableExistence {
    /// It must.
    Must,
    /// It must not: the write makes it.
    MustNot,
}

/// What must still hold when a write is done, or nothing of it is.
#[derive(Debug, Clone, Default)]
pub struct WriteGuard {
    /// These rows are as they were when they were read.
    pub unchanged: Vec<Selection>,
    /// The rows that are inserted are not there.
    pub absent: bool,
    /// Rows that are there are left as they are, and count for nothing.
    pub skip_present: bool,
}

/// What a statement that writes becomes.
#[derive(Debug)]
pub(crate) struct Change {
    /// PostgreSQL's name of the statement.
    pub(crate) name: &'static str,
    /// Nothing where there is nothing to do.
    pub(crate) write: Option<TableWrite>,
    /// Whether the statement tells how many rows it changed.
    pub(crate) counts: bool,
}

/// The table that a statement names: its schema must be ours.
pub(crate) fn table_name(name: &ObjectName) -> Result<String, SqlError> {
    let part = |part: &ObjectNamePart| {
        let ident = part.as_ident()?;
        Some(match ident.quote_style {
            Some(_) => ident.value.clone(),
            None => ident.value.to_ascii_lowercase(),
        })
    };
    let parts: Option<Vec<String>> = name.0.iter().map(part).collect();
    match parts.as_deref() {
        Some([table]) => Ok(table.clone()),
        Some([schema, table]) if schema == crate::catalog::PUBLIC => Ok(table.clone()),
        _ => {
            let said = format!("{name} is no table of schema public");
            Err(SqlError::invalid(said).with_code("3F000"))
        }
    }
}

/// A column's name as it is looked up.
pub(crate) fn column_name(ident: &datafusion::sql::sqlparser::ast::Ident) -> String {
    match ident.quote_style {
        Some(_) => ident.value.clone(),
        None => ident.value.to_ascii_lowercase(),
    }
}

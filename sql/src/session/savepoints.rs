//! Savepoints: what a transaction was, to go back to.

use super::{Outcome, Session};
use crate::{SqlError, write};
use datafusion::sql::sqlparser::ast::Ident;

/// The most savepoints of a transaction.
const MAX_SAVEPOINTS: usize = 64;

impl Session {
    /// `SAVEPOINT`.
    pub(super) fn save(&mut self, name: &Ident) -> Result<Outcome, SqlError> {
        let transaction = self.transaction.clone().ok_or_else(outside)?;
        if self.savepoints.len() >= MAX_SAVEPOINTS {
            let said = format!("a transaction has at most {MAX_SAVEPOINTS} savepoints");
            return Err(SqlError::invalid(said).with_code("54000"));
        }
        self.savepoints
            .push((write::column_name(name), transaction));
        Ok(Outcome::Done("SAVEPOINT", None))
    }

    /// `RELEASE SAVEPOINT`: forgets it and those after it.
    pub(super) fn release(&mut self, name: &Ident) -> Result<Outcome, SqlError> {
        let at = self.savepoint(name)?;
        self.savepoints.truncate(at);
        Ok(Outcome::Done("RELEASE", None))
    }

    /// `ROLLBACK TO SAVEPOINT`: the savepoint stays.
    pub(super) fn go_back(&mut self, name: &Ident) -> Result<Outcome, SqlError> {
        let at = self.savepoint(name)?;
        self.savepoints.truncate(at + 1);
        self.transaction = self
            .savepoints
            .last()
            .map(|(_, transaction)| transaction.clone());
        Ok(Outcome::Done("ROLLBACK", None))
    }

    fn savepoint(&self, name: &Ident) -> Result<usize, SqlError> {
        if self.transaction.is_none() {
            return Err(outside());
        }
        let name = write::column_name(name);
        let found = self
            .savepoints
            .iter()
            .rposition(|(known, _)| *known == name);
        found.ok_or_else(|| {
            let said = format!("savepoint {name:?} does not exist");
            SqlError::invalid(said).with_code("3B001")
        })
    }
}

fn outside() -> SqlError {
    SqlError::invalid("savepoints can only be used in transaction blocks").with_code("25P01")
}

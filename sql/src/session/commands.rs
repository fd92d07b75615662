//! Statements that give no rows: writes, transactions, and what is of the session alone.

use super::{Outcome, Session, first_words, set};
use crate::{
    Parameter, SqlError, SqlErrorKind, Statement, Writer, parameter,
    wire::TransactionState,
    write::{self, Change, TableWrite, Transaction},
};
use datafusion::sql::sqlparser::ast::{
    self, Expr, ObjectName, ObjectType, TransactionAccessMode, TransactionMode,
};
use std::time::Duration;

/// How often a write is tried whose rows others change meanwhile.
const ATTEMPTS: usize = 10;
/// Half of what is waited after the first attempt; it doubles from there.
const FIRST_WAIT: Duration = Duration::from_millis(1);
/// The most statements that a session keeps prepared.
const MAX_PREPARED: usize = 1_000;

impl Session {
    pub(super) async fn command(&mut self, command: ast::Statement) -> Result<Outcome, SqlError> {
        match command {
            ast::Statement::Insert(_)
            | ast::Statement::Update(_)
            | ast::Statement::Delete(_)
            | ast::Statement::CreateTable(_)
            | ast::Statement::Drop {
                object_type: ObjectType::Table,
                ..
            } => Box::pin(self.write(command)).await,
            ast::Statement::Set(set) => set::set(&mut self.settings, set),
            ast::Statement::Reset(reset) => set::reset(&mut self.settings, &reset),
            ast::Statement::StartTransaction {
                modes, statements, ..
            } => self.begin(&modes, &statements),
            ast::Statement::Commit { chain: false, .. } => self.commit().await,
            ast::Statement::Rollback {
                chain: false,
                savepoint: None,
            } => {
                self.transaction = None;
                self.savepoints.clear();
                Ok(Outcome::Done("ROLLBACK", None))
            }
            ast::Statement::Rollback {
                chain: false,
                savepoint: Some(name),
            } => self.go_back(&name),
            ast::Statement::Savepoint { name } => self.save(&name),
            ast::Statement::ReleaseSavepoint { name } => self.release(&name),
            ast::Statement::Prepare {
                name, statement, ..
            } => self.prepare(&name, *statement),
            ast::Statement::Deallocate { name, .. } => {
                if name.value.eq_ignore_ascii_case("all") && name.quote_style.is_none() {
                    self.prepared.clear();
                } else {
                    self.prepared.remove(&write::column_name(&name));
                }
                Ok(Outcome::Done("DEALLOCATE", None))
            }
            // vectors are there without it
            ast::Statement::CreateExtension(extension) if extension.name.value == "vector" => {
                Ok(Outcome::Done("CREATE EXTENSION", None))
            }
            ast::Statement::Discard {
                object_type: ast::DiscardObject::ALL,
            } => {
                self.prepared.clear();
                self.settings.reset();
                Ok(Outcome::Done("DISCARD ALL", None))
            }
            other => Err(SqlError::unsupported(first_words(&other))),
        }
    }

    /// Carries a write out at once, or keeps it for the end of the transaction.
    async fn write(&mut self, command: ast::Statement) -> Result<Outcome, SqlError> {
        if !self.scope.writes {
            let said = "permission denied: this needs a key of write access";
            return Err(SqlError::new(SqlErrorKind::Forbidden, said));
        }
        let mut attempt = 0;
        loop {
            attempt += 1;
            let change = Box::pin(self.change(command.clone())).await?;
            let shown = |rows| Outcome::Done(change.name, change.counts.then_some(rows));
            let Some(write) = change.write else {
                return Ok(shown(0));
            };
            if let Some(transaction) = &mut self.transaction {
                return Ok(shown(transaction.add(write)?));
            }
            match self.send(write).await {
                Ok(rows) => return Ok(shown(rows)),
                // the statement is carried out again on the rows as they are now
                Err(error) if error.kind == SqlErrorKind::Conflict && attempt < ATTEMPTS => {
                    self.engine
                        .source
                        .clock()
                        .sleep(FIRST_WAIT * (1 << attempt))
                        .await;
                }
                Err(error) => return Err(error),
            }
        }
    }

    async fn change(&mut self, command: ast::Statement) -> Result<Change, SqlError> {
        let mut planner = self.planner();
        let change = match command {
            ast::Statement::Insert(insert) => Box::pin(write::insert(&mut planner, insert)).await,
            ast::Statement::Update(update) => Box::pin(write::update(&mut planner, update)).await,
            ast::Statement::Delete(delete) => Box::pin(write::delete(&mut planner, delete)).await,
            ast::Statement::CreateTable(table) => write::create_table(&mut planner, table).await,
            ast::Statement::Drop {
                names, if_exists, ..
            } => write::drop_table(&mut planner, &names, if_exists).await,
            other => Err(SqlError::unsupported(first_words(&other))),
        };
        self.token = planner.token.take();
        change
    }

    async fn send(&mut self, write: TableWrite) -> Result<u64, SqlError> {
        let until = self.planner().until;
        let writer = Writer {
            key: self.key.take().unwrap_or_else(|| self.engine.new_key()),
            api_key: self.scope.api_key.clone(),
            token: self.settings.freshness.token.clone(),
            timeout: until.left(),
        };
        let written = self.engine.source.write(write, writer).await?;
        self.token = Some(written.token);
        Ok(written.rows)
    }

    fn begin(
        &mut self,
        modes: &[TransactionMode],
        statements: &[ast::Statement],
    ) -> Result<Outcome, SqlError> {
        for mode in modes {
            match mode {
                TransactionMode::AccessMode(TransactionAccessMode::ReadWrite)
                | TransactionMode::IsolationLevel(
                    ast::TransactionIsolationLevel::ReadCommitted
                    | ast::TransactionIsolationLevel::ReadUncommitted,
                ) => {}
                other => {
                    return Err(SqlError::unsupported(format!(
                        "a transaction that is {other}"
                    )));
                }
            }
        }
        if !statements.is_empty() {
            return Err(SqlError::unsupported("BEGIN … END"));
        }
        if let Some(transaction) = &mut self.transaction {
            transaction.implicit = false;
        } else {
            self.savepoints.clear();
            self.transaction = Some(Transaction::default());
        }
        Ok(Outcome::Done("BEGIN", None))
    }

    async fn commit(&mut self) -> Result<Outcome, SqlError> {
        self.savepoints.clear();
        let Some(transaction) = self.transaction.take() else {
            return Ok(Outcome::Done("COMMIT", None));
        };
        if transaction.failed {
            return Ok(Outcome::Done("ROLLBACK", None));
        }
        if let Some(write) = transaction.into_write() {
            self.send(write).await?;
        }
        Ok(Outcome::Done("COMMIT", None))
    }

    fn prepare(&mut self, name: &ast::Ident, ast: ast::Statement) -> Result<Outcome, SqlError> {
        let name = write::column_name(name);
        if self.prepared.contains_key(&name) {
            let said = format!("prepared statement {name:?} already exists");
            return Err(SqlError::invalid(said).with_code("42P05"));
        }
        if self.prepared.len() >= MAX_PREPARED {
            let said = format!("a session keeps at most {MAX_PREPARED} prepared statements");
            return Err(SqlError::invalid(said).with_code("54000"));
        }
        self.prepared.insert(name, Statement::of_ast(ast));
        Ok(Outcome::Done("PREPARE", None))
    }

    /// The statement that `EXECUTE` names, with its values.
    pub(super) fn executed(
        &self,
        name: &ObjectName,
        values: &[Expr],
    ) -> Result<(Statement, Vec<Parameter>), SqlError> {
        let ident = name.0.first().and_then(|part| part.as_ident());
        let found = ident.and_then(|ident| self.prepared.get(&write::column_name(ident)));
        let found = found.cloned().ok_or_else(|| {
            let said = format!("prepared statement \"{name}\" does not exist");
            SqlError::invalid(said).with_code("26000")
        })?;
        let values = values
            .iter()
            .map(parameter::of_literal)
            .collect::<Result<Vec<_>, _>>()?;
        if values.len() != found.parameters {
            let said = format!(
                "{} values for {} parameters",
                values.len(),
                found.parameters
            );
            return Err(SqlError::invalid(said).with_code("42601"));
        }
        Ok((found, values))
    }

    /// What a client is told of the transaction.
    pub(crate) fn transaction_state(&self) -> TransactionState {
        match &self.transaction {
            None => TransactionState::Idle,
            Some(transaction) if transaction.failed => TransactionState::Failed,
            Some(_) => TransactionState::Open,
        }
    }

    /// A statement failed: what the transaction has written will not be committed.
    pub(crate) fn fail(&mut self) {
        match &mut self.transaction {
            Some(transaction) if transaction.implicit => self.transaction = None,
            Some(transaction) => transaction.failed = true,
            None => {}
        }
    }

    /// Begins a transaction for a text of several statements, where one of them writes: PostgreSQL carries
    /// all of them out, or none.
    pub(crate) fn begin_together(&mut self, statements: &[Statement]) {
        let several = statements.len() > 1 && statements.iter().any(|one| !one.is_read());
        if several && self.transaction.is_none() {
            self.transaction = Some(Transaction::implicit());
        }
    }

    /// Commits what was begun so.
    pub(crate) async fn end_together(&mut self) -> Result<(), SqlError> {
        if self
            .transaction
            .as_ref()
            .is_some_and(|transaction| transaction.implicit)
        {
            self.commit().await?;
        }
        Ok(())
    }
}

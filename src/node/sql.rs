//! The node as SQL's [`Source`].

use super::{Node, Refusal};
use crate::server::{
    Conditions, Consistency, Engine, EngineError, EngineErrorKind, Existence, OnStale, ReadOptions,
    RowGuard, WriteCommand, WriteOptions, check_written,
};
use async_trait::async_trait;
use isobath_query::{
    search::{Condition, SearchPool},
    view::View,
};
use isobath_sql::{
    Freshness, Source, SqlError, SqlErrorKind, TableExistence, TableWrite, Writer, Written,
};
use isobath_storage::{
    Clock,
    model::{BodyHash, Hlc, Mutation, Namespace, Token},
};
use std::sync::Arc;

#[async_trait]
impl Source for Node {
    async fn reach(&self, freshness: &Freshness) -> Result<Token, SqlError> {
        let options = ReadOptions {
            consistency: if freshness.strong {
                Consistency::Strong
            } else {
                Consistency::Eventual {
                    max_staleness: None,
                    everywhere: false,
                }
            },
            min_token: freshness.token.clone(),
            wait: freshness.wait.min(self.read_timeout),
            trace: None,
            on_stale: OnStale::Error,
            timeout: self.read_timeout,
        };
        Node::reach(self, &options).await.map_err(sql_error)?;
        let applied = self.positions.applied();
        Ok(self.token(&options, &applied, Hlc::ZERO))
    }

    async fn names(&self, prefix: &str, limit: usize) -> Result<Vec<Namespace>, SqlError> {
        let page = self
            .namespaces(prefix, None, limit)
            .await
            .map_err(sql_error)?;
        if page.more {
            let said = format!("there are more than {limit} tables: narrow the API key's prefix");
            return Err(SqlError::new(SqlErrorKind::Memory, said));
        }
        Ok(page.namespaces)
    }

    async fn view(&self, namespace: &Namespace) -> Result<Option<Arc<View>>, SqlError> {
        let live = self.live(namespace).await.map_err(sql_error)?;
        Ok(live.map(|live| live.view()).filter(|view| view.exists()))
    }

    async fn write(&self, write: TableWrite, writer: Writer) -> Result<Written, SqlError> {
        let (namespace, command) = command(write, self.limits.max_body)?;
        self.check_values(&namespace, &command).await?;
        let read = ReadOptions {
            consistency: Consistency::Strong,
            min_token: writer.token,
            wait: writer.timeout,
            on_stale: OnStale::Error,
            timeout: writer.timeout.min(self.read_timeout),
            trace: None,
        };
        let options = WriteOptions {
            key: writer.key,
            // a statement is not recognised by its text: the same one may be meant twice
            body: BodyHash::new(namespace.as_str(), "sql", writer.key.to_string().as_bytes()),
            api_key: writer.api_key,
            retry: false,
            forwarded: false,
            disable_backpressure: false,
            concern: None,
            read,
        };
        let written = Engine::write(self, &namespace, command, options).await;
        let written = written.map_err(sql_error)?;
        Ok(Written {
            rows: written.counts.affected(),
            token: written.token,
        })
    }

    fn pool(&self) -> &SearchPool {
        &self.pool
    }

    fn recall_target(&self) -> f32 {
        self.recall_target
    }

    fn clock(&self) -> Arc<dyn Clock> {
        Arc::clone(&self.clock)
    }
}

impl Node {
    /// Refuses values that the HTTP API refuses.
    async fn check_values(
        &self,
        namespace: &Namespace,
        command: &WriteCommand,
    ) -> Result<(), SqlError> {
        let live = self.live(namespace).await.map_err(sql_error)?;
        let schema = live.map(|live| Arc::clone(&live.view().schema));
        for mutation in &command.mutations {
            if let Mutation::Upsert(rows) | Mutation::Patch(_, rows) = mutation {
                let checked = check_written(rows, schema.as_deref());
                checked.map_err(|fault| SqlError::invalid(fault).with_code("22001"))?;
            }
        }
        Ok(())
    }
}

/// The same write as the HTTP API's, at most `most` bytes of it.
fn command(write: TableWrite, most: usize) -> Result<(Namespace, WriteCommand), SqlError> {
    let bytes: usize = write.mutations.iter().map(Mutation::memory).sum();
    if bytes > most {
        let said =
            format!("a write has at most {most} bytes, this one {bytes}: write less at a time");
        return Err(SqlError::new(SqlErrorKind::Memory, said).with_code("54000"));
    }
    // a condition that no row meets: only those that are not there are written
    let nothing = Condition::Or(vec![]);
    let command = WriteCommand {
        existence: match write.existence {
            TableExistence::Must => Existence::MustExist,
            TableExistence::MustNot => Existence::Create,
        },
        declarations: write.declarations,
        mutations: write.mutations,
        conditions: Conditions {
            upsert: write.guard.skip_present.then_some(nothing),
            ..Conditions::default()
        },
        guard: RowGuard {
            unchanged: write.guard.unchanged,
            absent: write.guard.absent,
            no_namespace: write.existence == TableExistence::MustNot,
        },
        ..WriteCommand::default()
    };
    Ok((write.namespace, command))
}

/// What a statement is told that another node has to carry out.
fn not_owner(address: Option<&str>) -> SqlError {
    let said = match address {
        Some(address) => format!("this node does not take writes: the node at {address} does"),
        None => "this node does not take writes now".to_owned(),
    };
    SqlError::new(SqlErrorKind::NotOwner, said)
}

/// What a statement is told of a command that was not carried out.
fn sql_error(error: EngineError) -> SqlError {
    use EngineErrorKind as Kind;
    let refusal = error
        .source
        .as_ref()
        .and_then(|source| source.downcast_ref::<Refusal>());
    match refusal {
        Some(refusal @ Refusal::Exists(_)) => {
            return SqlError::new(SqlErrorKind::Exists, refusal.to_string());
        }
        Some(Refusal::NamespaceExists(name)) => {
            let said = format!("relation \"{name}\" already exists");
            return SqlError::new(SqlErrorKind::Exists, said).with_code("42P07");
        }
        _ => {}
    }
    let kind = match &error.kind {
        Kind::Invalid | Kind::TooLarge => SqlErrorKind::Invalid,
        Kind::NotFound => SqlErrorKind::NotFound,
        Kind::Conflict => SqlErrorKind::Conflict,
        Kind::Precondition | Kind::Stale => SqlErrorKind::Stale,
        Kind::Overloaded => SqlErrorKind::Overloaded,
        Kind::NotOwner { address } => return not_owner(address.as_deref()),
        Kind::NotHome => SqlErrorKind::NotOwner,
        Kind::Unavailable | Kind::DiskFull => SqlErrorKind::Unavailable,
        Kind::UnknownOutcome { .. } => SqlErrorKind::UnknownOutcome,
        Kind::Forbidden => SqlErrorKind::Forbidden,
        Kind::Deadline => SqlErrorKind::Timeout,
        Kind::Internal => SqlErrorKind::Internal,
    };
    if kind == SqlErrorKind::Internal {
        let cause: &dyn std::error::Error = &error;
        tracing::warn!(error = cause, "statement failed");
    }
    SqlError::new(kind, error.message)
}

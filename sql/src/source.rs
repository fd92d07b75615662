//! [`Source`]: what SQL needs of a node.

use crate::{SqlError, write::TableWrite};
use async_trait::async_trait;
use isobath_query::{search::SearchPool, view::View};
use isobath_storage::{
    Clock,
    model::{IdempotencyKey, Namespace, Token},
};
use std::{fmt::Debug, sync::Arc, time::Duration};

/// What SQL needs of a node: views to read, threads to search them, and a way to write.
#[async_trait]
pub trait Source: Debug + Send + Sync + 'static {
    /// Waits until the views are as fresh as asked; the position that they have reached.
    async fn reach(&self, freshness: &Freshness) -> Result<Token, SqlError>;

    /// The namespaces of clients whose names begin with `prefix`, by name, at most `limit`.
    async fn names(&self, prefix: &str, limit: usize) -> Result<Vec<Namespace>, SqlError>;

    /// The view of a namespace as it is now; `None` where there is no such namespace.
    async fn view(&self, namespace: &Namespace) -> Result<Option<Arc<View>>, SqlError>;

    /// Commits a write: all of it, or nothing.
    async fn write(&self, write: TableWrite, writer: Writer) -> Result<Written, SqlError>;

    /// The threads that search.
    fn pool(&self) -> &SearchPool;

    /// The recall that index searches aim for.
    fn recall_target(&self) -> f32;

    /// Time.
    fn clock(&self) -> Arc<dyn Clock>;
}

/// How fresh the state must be that a statement sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Freshness {
    /// Sees every write that was acked before the statement came; else the node's current view.
    pub strong: bool,
    /// The state must have reached this token.
    pub token: Option<Token>,
    /// How long to wait for it.
    pub wait: Duration,
}

/// Who writes.
#[derive(Debug, Clone)]
pub struct Writer {
    /// Names the write: a repeat of it is answered, not carried out.
    pub key: IdempotencyKey,
    /// Names the API key, where there are keys.
    pub api_key: Option<String>,
    /// The position that the write must come after.
    pub token: Option<Token>,
    /// How long it may take.
    pub timeout: Duration,
}

/// What a write did.
#[derive(Debug, Clone)]
pub struct Written {
    /// Rows that it changed.
    pub rows: u64,
    /// The position after it.
    pub token: Token,
}

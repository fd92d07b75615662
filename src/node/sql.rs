//! The node as SQL's [`Source`].

use super::Node;
use crate::server::{Consistency, Engine, EngineError, EngineErrorKind, OnStale, ReadOptions};
use async_trait::async_trait;
use isobath_query::{search::SearchPool, view::View};
use isobath_sql::{Freshness, Source, SqlError, SqlErrorKind};
use isobath_storage::{
    Clock,
    model::{Hlc, Namespace, Token},
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

/// What a statement is told of a command that was not carried out.
fn sql_error(error: EngineError) -> SqlError {
    use EngineErrorKind as Kind;
    let kind = match &error.kind {
        Kind::Invalid | Kind::TooLarge => SqlErrorKind::Invalid,
        Kind::NotFound => SqlErrorKind::NotFound,
        Kind::Conflict => SqlErrorKind::Conflict,
        Kind::Precondition | Kind::Stale => SqlErrorKind::Stale,
        Kind::Overloaded => SqlErrorKind::Overloaded,
        Kind::Unavailable | Kind::NotOwner { .. } | Kind::NotHome | Kind::DiskFull => {
            SqlErrorKind::Unavailable
        }
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

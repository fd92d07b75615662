//! Answers to queries of a namespace of which nothing is on this node yet.
//!
//! A search for the nearest vectors needs few of a part's bytes: the codes of all rows, and the vectors of those whose
//! codes come nearest. They are fetched in four dependent round trips, and the namespace is opened afterwards:
//!
//! | round trip | fetched, all at a time |
//! |---|---|
//! | 1 | the manifest, and the blocks of the namespace in runs |
//! | 2 | of each part the description of its index, the deletion vector, the layout; small parts whole |
//! | 3 | the codes, which stay in the cache, and the ids |
//! | 4 | the candidates' vectors |
//!
//! The first ones run beside the read of the log's end that a strong read waits for. What was written since the
//! manifest counts as it does on an open namespace: its rows are searched exactly, and hide those of parts by id.
//! Whatever this does not cover is answered by opening the namespace first. The codes are compared with their hash,
//! ranges of a part cannot be; opening the part compares all of it right after.

mod answer;
mod part;
mod read;

pub(super) use answer::ColdQuery;

use super::opener::{OpenError, Opener};
use crate::server::StoreUse;
use isobath_query::{
    index::{ColdIndex, IndexError, IndexService},
    view::Installed,
};
use isobath_storage::{
    format::FormatError,
    model::{Hlc, Namespace, Segment},
};
use object_store::ObjectStore;
use parking_lot::Mutex;
use part::ColdPart;
use std::{collections::HashSet, error::Error, sync::Arc};

/// Answers queries of namespaces that are not open.
#[derive(Debug)]
pub(super) struct Cold {
    opener: Arc<Opener>,
    index: Arc<IndexService>,
    store: Arc<dyn ObjectStore>,
    /// What is being opened because a query was answered so.
    warming: Mutex<HashSet<Namespace>>,
}

/// A namespace as far as a query needs it.
#[derive(Debug)]
pub(super) struct ColdView {
    /// The number of the checkpoint that it stands on.
    checkpoint: u64,
    /// Its manifest with the small parts.
    installed: Installed,
    /// The newest time in the manifest: what is newer wins over the rows of parts, what is not may lose.
    cut: Hlc,
    /// What runs hold of it.
    segments: Vec<Segment>,
    parts: Vec<ColdPart>,
    used: StoreUse,
}

/// Why a namespace cannot be read so.
#[derive(Debug, thiserror::Error)]
enum ColdError {
    #[error(transparent)]
    Open(#[from] OpenError),
    #[error(transparent)]
    Index(#[from] IndexError),
    #[error("a part could not be read")]
    Format(#[from] FormatError),
    #[error("a part could not be fetched")]
    Fetch(#[from] object_store::Error),
}

impl Cold {
    pub(super) fn new(
        opener: Arc<Opener>,
        index: Arc<IndexService>,
        store: Arc<dyn ObjectStore>,
    ) -> Self {
        Self {
            opener,
            index,
            store,
            warming: Mutex::default(),
        }
    }

    /// Reads what a query needs of a namespace; `None` where it is open already, and where opening it is the way.
    pub(super) async fn read(&self, namespace: &Namespace, query: &ColdQuery) -> Option<ColdView> {
        match self.try_read(namespace, query).await {
            Ok(view) => view,
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(%namespace, error, "a cold namespace is opened whole");
                None
            }
        }
    }

    /// Opens a namespace after a query was answered without, the files of its indexes first.
    pub(super) async fn warm(self: Arc<Self>, namespace: Namespace, indexes: Vec<ColdIndex>) {
        if !self.warming.lock().insert(namespace.clone()) {
            return;
        }
        for index in &indexes {
            if let Err(error) = self.index.warm(index).await {
                tracing::warn!(%namespace, %error, "an index could not be fetched");
            }
        }
        match self.opener.open(&namespace).await {
            Ok(Some(live)) => self.index.refresh(&live.view()),
            Ok(None) => {}
            Err(error) => {
                let error = &error as &dyn Error;
                tracing::warn!(%namespace, error, "a namespace could not be opened");
            }
        }
        self.warming.lock().remove(&namespace);
    }
}

//! [`Backend`]: the store that a URL names, without any layer.

mod cloud;
mod local;
mod memory;
mod url;

use super::{StoreError, StoreKind, StoreOptions};
use object_store::{ObjectStore, path::Path, prefix::PrefixStore};
use std::{path::PathBuf, sync::Arc};
use url::BucketUrl;

/// The store that a URL names, without any layer.
#[derive(Debug, Clone)]
pub struct Backend {
    /// The store; keys are relative to the URL's prefix.
    pub store: Arc<dyn ObjectStore>,
    /// Which sort of storage it is.
    pub kind: StoreKind,
    /// For messages: where it is, without secrets.
    pub url: String,
    /// The directory, if it is a local one.
    pub dir: Option<PathBuf>,
    /// Whether writes are on stable storage when they are answered.
    pub durable: bool,
}

impl Backend {
    /// The store at `url`: `file:///directory` or a plain path, `memory://name/prefix`,
    /// `s3://bucket/prefix`, `gs://bucket/prefix`, `az://container/prefix`.
    ///
    /// Of `environment` only what starts with `AWS_`, `GOOGLE_` or `AZURE_` is looked at, by the
    /// store that it is for.
    pub fn open<K: AsRef<str>, V: Into<String>>(
        url: &str,
        environment: impl IntoIterator<Item = (K, V)>,
        options: &StoreOptions,
    ) -> Result<Self, StoreError> {
        let at = BucketUrl::parse(url)?;
        let text = at.to_string();
        let (store, kind, prefix) = match at {
            BucketUrl::File(dir) => return local::open(dir, text, options),
            BucketUrl::Memory { name, prefix } => (memory::open(name), StoreKind::Memory, prefix),
            BucketUrl::Cloud {
                kind,
                bucket,
                prefix,
            } => (
                cloud::open(kind, &bucket, environment, &text)?,
                kind,
                prefix,
            ),
        };
        let durable = kind != StoreKind::Memory;
        Ok(Self {
            store: below(store, &prefix),
            kind,
            url: text,
            dir: None,
            durable,
        })
    }

    /// An empty store in memory that nobody else sees.
    pub fn in_memory() -> Self {
        let store = Arc::new(object_store::memory::InMemory::new());
        let url = "memory://".to_owned();
        Self {
            store,
            kind: StoreKind::Memory,
            url,
            dir: None,
            durable: false,
        }
    }
}

/// `store`, seen from below `prefix`.
fn below(store: Arc<dyn ObjectStore>, prefix: &Path) -> Arc<dyn ObjectStore> {
    if prefix.is_root() {
        store
    } else {
        Arc::new(PrefixStore::new(store, prefix.clone()))
    }
}

//! [`Identity`]: what an index is called.

use crate::index::{IndexParams, text};
use isobath_storage::{
    model::{Analysis, AttributeName, ContentHash, Namespace},
    store::keys::{IndexFile, IndexKey},
};

/// Which index: of which part, attribute and parameters.
#[derive(Debug)]
pub(in crate::index::service) struct Identity {
    namespace: Namespace,
    pub(super) part: ContentHash,
    /// The attribute and the parameters.
    what: String,
}

impl Identity {
    /// The index of vectors; `None` where `part` is no hash.
    pub(in crate::index::service) fn vectors(
        namespace: &Namespace,
        part: &str,
        attribute: &AttributeName,
        params: &IndexParams,
    ) -> Option<Self> {
        let what = format!("{attribute} {}", params.hash());
        Self::new(namespace, part, what)
    }

    /// The index of texts; `None` where `part` is no hash.
    pub(in crate::index::service) fn text(
        namespace: &Namespace,
        part: &str,
        attribute: &AttributeName,
        analysis: Analysis,
    ) -> Option<Self> {
        let what = format!("{attribute} text {} {analysis:?}", text::VERSION);
        Self::new(namespace, part, what)
    }

    fn new(namespace: &Namespace, part: &str, what: String) -> Option<Self> {
        Some(Self {
            namespace: namespace.clone(),
            part: part.parse().ok()?,
            what,
        })
    }

    /// The attribute and the parameters.
    pub(in crate::index::service) fn of(&self) -> &str {
        &self.what
    }

    /// Under which the index of a generation lies.
    pub(in crate::index::service) fn key(&self, generation: u32) -> IndexKey {
        let what = format!("{} {generation}", self.what);
        IndexKey {
            namespace: self.namespace.clone(),
            part: self.part,
            params: ContentHash::of(what.as_bytes()),
            file: IndexFile::Meta,
        }
    }
}

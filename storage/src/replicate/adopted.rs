//! [`Adopted`]: the objects that a segment's adoptions name, copied before the segment is.

use crate::{
    catalog::{Catalog, CatalogError},
    error::ErrorKind,
    format::FormatError,
    model::{Adoption, ContentHash, Namespace, Segment},
    store::keys::{DeadKey, Key, PartKey},
};
use object_store::path::Path;

/// Copies parts and deletion vectors from one bucket to another.
#[derive(Debug, Clone)]
pub(super) struct Adopted {
    source: Catalog,
    target: Catalog,
}

impl Adopted {
    pub(super) fn new(source: Catalog, target: Catalog) -> Self {
        Self { source, target }
    }

    /// Copies all that `segment` adopts and the target lacks.
    pub(super) async fn copy(&self, segment: &Segment) -> Result<(), CatalogError> {
        for block in &segment.blocks {
            if let Some((_, adoption)) = block.adoption() {
                for (path, hash) in named(&block.namespace, adoption) {
                    self.copy_one(&path, hash).await?;
                }
            }
        }
        Ok(())
    }

    async fn copy_one(&self, path: &Path, hash: ContentHash) -> Result<(), CatalogError> {
        if self.target.has(path).await? {
            return Ok(());
        }
        let bytes = self.source.get(path).await?;
        if ContentHash::of(&bytes) != hash {
            let fault = FormatError::corrupt("part", "its bytes are not those of its name");
            return Err(CatalogError::format(path)(fault));
        }
        self.target.create(path, bytes).await.map(drop)
    }
}

/// The keys of what an adoption by `namespace` names, with the hashes of their bytes.
fn named(namespace: &Namespace, adoption: &Adoption) -> Vec<(Path, ContentHash)> {
    let mut named = vec![];
    for entry in &adoption.parts {
        named.push((PartKey::of(namespace, entry).path(), entry.hash));
        if let Some(hash) = entry.dead {
            let namespace = namespace.clone();
            named.push((DeadKey { namespace, hash }.path(), hash));
        }
    }
    named
}

/// Whether it may pass: the same again makes sense.
pub(super) fn is_passing(error: &CatalogError) -> bool {
    error.kind() == ErrorKind::Unavailable
}

//! [`Copying`]: objects from one bucket into another, compared with their names on the way.

use super::{Progress, Watch};
use crate::state::{Moment, StateError};
use bytes::Bytes;
use futures::{StreamExt, TryStreamExt, stream};
use isobath_storage::{
    catalog::Catalog,
    format::{Manifest, PartEntry},
    model::{ContentHash, Namespace},
    store::keys::{DeadKey, IndexFile, IndexKey, Key, ManifestKey, PartKey},
};
use object_store::{ObjectStore, path::Path};
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// Objects that are copied at a time.
const AT_ONCE: usize = 4;

/// Objects on their way from one bucket into another.
#[derive(Debug)]
pub(super) struct Copying<'a> {
    pub(super) source: &'a Catalog,
    pub(super) target: Catalog,
    pub(super) progress: Progress,
    watch: &'a dyn Watch,
}

/// An object that is called by the hash of its bytes.
#[derive(Debug)]
struct Named {
    path: Path,
    hash: ContentHash,
    rows: u64,
}

impl<'a> Copying<'a> {
    pub(super) fn new(
        source: &'a Catalog,
        target: &Arc<dyn ObjectStore>,
        watch: &'a dyn Watch,
    ) -> Self {
        Self {
            source,
            target: Catalog::new(Arc::clone(target)),
            progress: Progress::default(),
            watch,
        }
    }

    /// Copies the manifest of a namespace after all that it refers to.
    pub(super) async fn namespace(
        &mut self,
        moment: &Moment,
        namespace: &Namespace,
    ) -> Result<(), StateError> {
        match moment.manifest(namespace).await? {
            Some(manifest) => self.manifest(namespace, manifest).await,
            None => Ok(()),
        }
    }

    /// Copies parts of a namespace with their deletion vectors.
    pub(super) async fn parts(
        &mut self,
        namespace: &Namespace,
        parts: &[PartEntry],
    ) -> Result<(), StateError> {
        self.objects(named(namespace, parts)).await
    }

    /// Copies a manifest after all that it refers to.
    pub(super) async fn manifest(
        &mut self,
        namespace: &Namespace,
        manifest: Manifest,
    ) -> Result<(), StateError> {
        self.objects(named(namespace, &manifest.parts)).await?;
        self.indexes(&manifest).await?;
        let key = ManifestKey {
            namespace: namespace.clone(),
            version: manifest.number,
        };
        let key = key.path();
        let bytes = manifest.encode().map_err(StateError::format(&key))?;
        self.create_numbered(&key, bytes).await
    }

    /// Copies what the blocks after the manifests adopt.
    pub(super) async fn adopted(
        &mut self,
        moment: &Moment,
        namespace: &Namespace,
    ) -> Result<(), StateError> {
        let seen = moment.manifest(namespace).await?.map(|m| m.seen);
        let blocks = moment.blocks(namespace, &seen.unwrap_or_default()).await?;
        for (_, block) in &blocks {
            if let Some((_, adoption)) = block.adoption() {
                self.objects(named(namespace, &adoption.parts)).await?;
            }
        }
        Ok(())
    }

    /// Copies the finished indexes of a manifest's parts, each after its files.
    async fn indexes(&mut self, manifest: &Manifest) -> Result<(), StateError> {
        let mut homes: BTreeMap<&Namespace, BTreeSet<ContentHash>> = BTreeMap::new();
        for part in &manifest.parts {
            let home = homes.entry(part.owner(&manifest.namespace));
            home.or_default().insert(part.hash);
        }
        for (home, parts) in homes {
            self.indexes_of(home, &parts).await?;
        }
        Ok(())
    }

    /// Copies the finished indexes of parts that lie among the objects of `home`.
    async fn indexes_of(
        &mut self,
        home: &Namespace,
        parts: &BTreeSet<ContentHash>,
    ) -> Result<(), StateError> {
        let Some(any) = parts.first() else {
            return Ok(());
        };
        let key = IndexKey {
            namespace: home.clone(),
            part: *any,
            params: *any,
            file: IndexFile::Meta,
        };
        let all: Path = key.prefix().parts().take(3).collect();
        let (mut files, mut metas) = (vec![], vec![]);
        for path in self.source.paths(&all).await? {
            match IndexKey::parse(&path) {
                Ok(found) if !parts.contains(&found.part) => {}
                Ok(IndexKey {
                    file: IndexFile::Data(hash),
                    ..
                }) => files.push(Named {
                    path,
                    hash,
                    rows: 0,
                }),
                Ok(IndexKey {
                    file: IndexFile::Meta,
                    ..
                }) => metas.push(path),
                _ => {}
            }
        }
        self.objects(files).await?;
        for path in metas {
            let bytes = self.source.get(&path).await?;
            self.create(&path, bytes, 0).await?;
        }
        Ok(())
    }

    /// Copies objects that are called by the hash of their bytes.
    async fn objects(&mut self, objects: Vec<Named>) -> Result<(), StateError> {
        let (source, target) = (self.source.clone(), self.target.clone());
        let copies = objects.into_iter().map(|object| {
            let (source, target) = (source.clone(), target.clone());
            async move {
                let bytes = source.get(&object.path).await?;
                check_name(&object.path, object.hash, &bytes)?;
                target.create(&object.path, bytes.clone()).await?;
                Ok::<_, StateError>((bytes.len(), object.rows))
            }
        });
        let mut copies = stream::iter(copies).buffer_unordered(AT_ONCE);
        while let Some((bytes, rows)) = copies.try_next().await? {
            self.done(bytes, rows);
        }
        Ok(())
    }

    /// Copies one object that is called by the hash of its bytes.
    pub(super) async fn object(&mut self, path: Path, hash: ContentHash) -> Result<(), StateError> {
        self.objects(vec![Named {
            path,
            hash,
            rows: 0,
        }])
        .await
    }

    /// Creates an object whose name is the hash of its bytes; one that is there is the same.
    pub(super) async fn create(
        &mut self,
        path: &Path,
        bytes: Bytes,
        rows: u64,
    ) -> Result<(), StateError> {
        let length = bytes.len();
        self.target.create(path, bytes).await?;
        self.done(length, rows);
        Ok(())
    }

    /// Creates an object under a number that nobody else takes.
    pub(super) async fn create_numbered(
        &mut self,
        path: &Path,
        bytes: Bytes,
    ) -> Result<(), StateError> {
        let length = bytes.len();
        if !self.target.create_numbered(path, bytes).await? {
            let text = format!("somebody else writes to the target: it holds {path}");
            return Err(StateError::Invalid(text));
        }
        self.done(length, 0);
        Ok(())
    }

    fn done(&mut self, bytes: usize, rows: u64) {
        self.progress.objects += 1;
        self.progress.bytes += bytes as u64;
        self.progress.rows += rows;
        self.watch.progress(self.progress);
    }
}

/// The parts and deletion vectors that a manifest or an adoption of a namespace names.
fn named(namespace: &Namespace, parts: &[PartEntry]) -> Vec<Named> {
    let part = |entry: &PartEntry| Named {
        path: PartKey::of(namespace, entry).path(),
        hash: entry.hash,
        rows: entry.rows,
    };
    let dead = |hash: ContentHash| Named {
        path: DeadKey {
            namespace: namespace.clone(),
            hash,
        }
        .path(),
        hash,
        rows: 0,
    };
    let dead = parts.iter().filter_map(|entry| entry.dead).map(dead);
    parts.iter().map(part).chain(dead).collect()
}

/// That an object's bytes are those that its name is the hash of.
fn check_name(path: &Path, hash: ContentHash, bytes: &[u8]) -> Result<(), StateError> {
    if ContentHash::of(bytes) == hash {
        return Ok(());
    }
    Err(StateError::Damaged {
        key: path.to_string(),
        why: "its bytes are not those that its name is the hash of".to_owned(),
    })
}

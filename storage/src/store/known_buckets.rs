//! [`KnownBuckets`]: which bucket was found at a URL before.

use crate::model::{BucketId, ContentHash};
use serde::{Deserialize, Serialize};
use std::{
    fs::{self, File},
    io::{self, Write},
    path::PathBuf,
};

/// Remembers in a node's cache directory which bucket was found at a URL, so that an emptied
/// bucket is not taken for a new one.
#[derive(Debug, Clone)]
pub struct KnownBuckets {
    dir: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    url: String,
    bucket: BucketId,
}

impl KnownBuckets {
    /// Remembers in `bucket/` below the cache directory.
    pub fn new(cache: &std::path::Path) -> Self {
        Self {
            dir: cache.join("bucket"),
        }
    }

    /// The bucket that was found at `url`; none if it was never opened with this cache directory.
    pub fn recall(&self, url: &str) -> io::Result<Option<BucketId>> {
        let file = self.file(url);
        let text = match fs::read(&file) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let entry: Entry = serde_json::from_slice(&text)
            .map_err(|error| io::Error::other(format!("{}: {error}", file.display())))?;
        Ok((entry.url == url).then_some(entry.bucket))
    }

    /// Remembers that `bucket` lies at `url`; on the disk when it returns.
    pub fn remember(&self, url: &str, bucket: BucketId) -> io::Result<()> {
        fs::create_dir_all(&self.dir)?;
        let text = serde_json::to_vec(&Entry {
            url: url.to_owned(),
            bucket,
        })?;
        let (file, staged) = (self.file(url), self.file(url).with_extension("new"));
        let mut out = File::create(&staged)?;
        out.write_all(&text)?;
        out.sync_all()?;
        fs::rename(&staged, &file)?;
        File::open(&self.dir)?.sync_all()
    }

    fn file(&self, url: &str) -> PathBuf {
        let hash = ContentHash::of(url.as_bytes()).to_string();
        self.dir.join(format!("{}.json", &hash[..32]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    #[test]
    fn should_remember_the_last_bucket_of_each_url() {
        let cache = tempfile::tempdir().unwrap();
        let known = KnownBuckets::new(cache.path());
        let [one, two] = [1, 2].map(|n| BucketId(Uuid::from_u128(n)));
        assert_eq!(known.recall("s3://a").unwrap(), None);
        known.remember("s3://a", two).unwrap();
        known.remember("s3://a", one).unwrap();
        known.remember("s3://b", two).unwrap();
        let again = KnownBuckets::new(cache.path());
        assert_eq!(again.recall("s3://a").unwrap(), Some(one));
        assert_eq!(again.recall("s3://b").unwrap(), Some(two));
    }

    #[test]
    fn should_not_take_a_damaged_entry_for_none() {
        let cache = tempfile::tempdir().unwrap();
        let known = KnownBuckets::new(cache.path());
        known.remember("s3://a", BucketId(Uuid::nil())).unwrap();
        fs::write(known.file("s3://a"), "").unwrap();
        assert!(known.recall("s3://a").is_err());
    }
}

//! [`BucketUrl`]: where a bucket lies, as a person writes it.

use crate::store::{StoreError, StoreKind};
use object_store::path::Path;
use std::{fmt, path::PathBuf};
use url::Url;

/// Where a bucket lies.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum BucketUrl {
    /// A local directory.
    File(PathBuf),
    /// A named store in the memory of this process.
    Memory { name: String, prefix: Path },
    /// A bucket or container of a cloud.
    Cloud {
        kind: StoreKind,
        bucket: String,
        prefix: Path,
    },
}

impl BucketUrl {
    pub(super) fn parse(text: &str) -> Result<Self, StoreError> {
        if !text.contains("://") {
            return plain_path(text);
        }
        let url = Url::parse(text).map_err(|e| bad(text, &e.to_string()))?;
        let bad = |reason: &str| bad(text, reason);
        let user = !url.username().is_empty() || url.password().is_some();
        if user || url.query().is_some() || url.fragment().is_some() || url.port().is_some() {
            return Err(bad(
                "credentials, endpoint and options come from the environment",
            ));
        }
        let kind = match url.scheme() {
            "file" => return directory(&url).ok_or_else(|| bad("write file:///absolute/path")),
            "memory" => StoreKind::Memory,
            "s3" | "s3a" => StoreKind::S3,
            "gs" => StoreKind::Gcs,
            "az" | "azure" => StoreKind::Azure,
            _ => {
                return Err(bad(
                    "it starts with none of file:// s3:// gs:// az:// memory://",
                ));
            }
        };
        let prefix = Path::from_url_path(url.path()).map_err(|e| bad(&e.to_string()))?;
        match (kind, url.host_str().unwrap_or_default().to_owned()) {
            (_, name) if name.is_empty() => Err(bad("it names no bucket")),
            (StoreKind::Memory, name) => Ok(Self::Memory { name, prefix }),
            (kind, bucket) => Ok(Self::Cloud {
                kind,
                bucket,
                prefix,
            }),
        }
    }
}

/// The directory that `text` names, relative to the working directory.
fn plain_path(text: &str) -> Result<BucketUrl, StoreError> {
    if text.is_empty() {
        return Err(bad(text, "it is empty"));
    }
    let dir = std::path::absolute(text).map_err(|e| bad(text, &e.to_string()))?;
    Ok(BucketUrl::File(dir))
}

fn directory(url: &Url) -> Option<BucketUrl> {
    let local = url
        .host_str()
        .is_none_or(|host| host.is_empty() || host == "localhost");
    let dir = local.then(|| url.to_file_path().ok())??;
    Some(BucketUrl::File(dir))
}

/// The error for `text`, without what may be a secret: user, password and query.
fn bad(text: &str, reason: &str) -> StoreError {
    let text = text.split(['?', '#']).next().unwrap_or_default();
    let url = match text.split_once("://") {
        Some((scheme, rest)) => format!("{scheme}://{}", rest.rsplit('@').next().unwrap_or("")),
        None => text.to_owned(),
    };
    StoreError::Url {
        url,
        reason: reason.to_owned(),
    }
}

impl fmt::Display for BucketUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scheme, bucket, prefix) = match self {
            Self::File(dir) => return write!(f, "file://{}", dir.display()),
            Self::Memory { name, prefix } => ("memory", name, prefix),
            Self::Cloud {
                kind: StoreKind::S3,
                bucket,
                prefix,
            } => ("s3", bucket, prefix),
            Self::Cloud {
                kind: StoreKind::Gcs,
                bucket,
                prefix,
            } => ("gs", bucket, prefix),
            Self::Cloud { bucket, prefix, .. } => ("az", bucket, prefix),
        };
        write!(f, "{scheme}://{bucket}")?;
        if prefix.is_root() {
            Ok(())
        } else {
            write!(f, "/{prefix}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_every_scheme() {
        let cases = [
            ("file:///data/b", "file:///data/b"),
            ("file://localhost/data/b", "file:///data/b"),
            ("/data/b", "file:///data/b"),
            ("memory://one", "memory://one"),
            ("memory://one/deep/", "memory://one/deep"),
            ("s3://bucket", "s3://bucket"),
            ("s3://bucket/a/b/", "s3://bucket/a/b"),
            ("gs://bucket/a", "gs://bucket/a"),
            ("az://container/a", "az://container/a"),
        ];
        for (text, shown) in cases {
            assert_eq!(BucketUrl::parse(text).unwrap().to_string(), shown, "{text}");
        }
        let relative = BucketUrl::parse("some/dir").unwrap();
        assert!(matches!(relative, BucketUrl::File(dir) if dir.is_absolute()));
    }

    #[test]
    fn should_say_what_is_wrong_and_keep_secrets_to_itself() {
        for (text, part) in [
            ("", "empty"),
            ("ftp://x/y", "starts with none"),
            ("s3://", "names no bucket"),
            ("file://host/x", "absolute"),
            ("s3://key:hidden@bucket/x", "environment"),
            ("az://container/x?sig=hidden", "environment"),
        ] {
            let error = BucketUrl::parse(text).unwrap_err().to_string();
            assert!(error.contains(part), "{text}: {error}");
            assert!(!error.contains("hidden"), "{error}");
        }
    }
}

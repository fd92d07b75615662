//! Metadata objects: versioned JSON that carries the hash of its own body.
//!
//! `{"format": 1, "blake3": "…", "body": {…}}`: a person reads the body in a bucket browser, a program
//! recognises a damaged one.

use super::FormatError;
use crate::model::ContentHash;
use bytes::Bytes;
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::value::RawValue;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Sealed<'a> {
    format: u32,
    blake3: ContentHash,
    #[serde(borrow)]
    body: &'a RawValue,
}

/// What every version says, and is looked at first: a newer body is never guessed at.
#[derive(Deserialize)]
struct Version {
    format: u32,
}

/// The bytes of `body` as version `format` of `what`.
pub(super) fn seal(
    what: &'static str,
    format: u32,
    body: &impl Serialize,
) -> Result<Bytes, FormatError> {
    let json = |source| FormatError::Json { what, source };
    let body = serde_json::value::to_raw_value(body).map_err(json)?;
    let blake3 = ContentHash::of(body.get().as_bytes());
    let sealed = Sealed {
        format,
        blake3,
        body: &body,
    };
    serde_json::to_vec(&sealed).map(Bytes::from).map_err(json)
}

/// The body of `what`, where `bytes` are undamaged and of a version up to `supported`.
pub(super) fn open<T: DeserializeOwned>(
    what: &'static str,
    supported: u32,
    bytes: &[u8],
) -> Result<T, FormatError> {
    let json = |source| FormatError::Json { what, source };
    let Version { format: found } = serde_json::from_slice(bytes).map_err(json)?;
    if found > supported {
        return Err(FormatError::Unsupported {
            what,
            found,
            supported,
        });
    }
    if found == 0 {
        return Err(FormatError::corrupt(what, "version 0 was never written"));
    }
    let sealed: Sealed<'_> = serde_json::from_slice(bytes).map_err(json)?;
    if ContentHash::of(sealed.body.get().as_bytes()) != sealed.blake3 {
        let why = "its body is not what its hash was made of".to_owned();
        return Err(FormatError::Corrupt { what, why });
    }
    serde_json::from_str(sealed.body.get()).map_err(json)
}

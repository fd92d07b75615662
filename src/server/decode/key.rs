//! [`KeyRequest`]: the key that somebody asks for.

use super::{Fault, Fields};
use crate::server::keys::{Access, KeyHash};
use isobath_storage::model::parse_datetime;
use serde::Serialize;

/// The longest name of a key, in bytes.
const MAX_NAME: usize = 128;

/// The key that somebody asks for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct KeyRequest {
    /// The hash of a key that the caller has made; `None` = the server makes one.
    pub(crate) hash: Option<KeyHash>,
    /// What it is called, for people.
    pub(crate) name: String,
    /// What the names of its namespaces begin with.
    pub(crate) prefix: String,
    /// What it allows there.
    pub(crate) access: Access,
    /// From when on it is not accepted, if ever.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) expires_at: Option<String>,
}

impl KeyRequest {
    /// From when on it is not accepted: milliseconds since 1970.
    pub(crate) fn expires_at_ms(&self) -> Result<Option<i64>, Fault> {
        let Some(text) = &self.expires_at else {
            return Ok(None);
        };
        let time = parse_datetime(text);
        time.map(Some).ok_or_else(|| {
            Fault::invalid("expected a time such as 2030-01-31T12:00:00Z").under("expires_at")
        })
    }
}

/// Decodes the body of a request for a key.
pub(crate) fn decode_key(body: &[u8]) -> Result<KeyRequest, Fault> {
    let mut fields = Fields::parse(body)?;
    let hash = fields
        .take::<String>("hash")?
        .map(|text| text.parse::<KeyHash>());
    let access = fields.take::<String>("access")?;
    let access = access.ok_or_else(|| Fault::invalid("expected read, write or admin"));
    let access = access.and_then(|text| text.parse::<Access>().map_err(Fault::invalid));
    let asked = KeyRequest {
        hash: hash
            .transpose()
            .map_err(|e| Fault::invalid(e).under("hash"))?,
        name: fields.take::<String>("name")?.unwrap_or_default(),
        prefix: fields.take::<String>("prefix")?.unwrap_or_default(),
        access: access.map_err(|fault| fault.under("access"))?,
        expires_at: fields.take::<String>("expires_at")?,
    };
    fields.finish()?;
    let printable = |text: &str| text.chars().all(|c| !c.is_control());
    if asked.name.len() > MAX_NAME || !printable(&asked.name) {
        let text = format!("expected up to {MAX_NAME} printable bytes");
        return Err(Fault::invalid(text).under("name"));
    }
    let of_names = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
    if asked.prefix.len() > MAX_NAME || !asked.prefix.bytes().all(of_names) {
        let text = "expected what the name of a namespace may begin with";
        return Err(Fault::invalid(text).under("prefix"));
    }
    asked.expires_at_ms()?;
    Ok(asked)
}

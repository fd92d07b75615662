//! [`Namespace`]: the name of a collection of rows with one schema.

use super::InvalidName;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// A namespace's name: 1 to 128 characters of `[A-Za-z0-9-_.]`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Namespace(Arc<str>);

/// What the names of the system's own namespaces begin with.
const RESERVED: &str = "_isobath.";

impl Namespace {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it belongs to the system: no client may name it, and no list shows it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with(RESERVED)
    }

    /// The system's namespace that holds the region's API keys.
    pub fn of_keys() -> Self {
        Self(format!("{RESERVED}keys").into())
    }
}

impl FromStr for Namespace {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        let fits = (1..=128).contains(&s.len())
            && s.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b"-_.".contains(&b));
        if fits {
            Ok(Self(s.into()))
        } else {
            let rule = "1 to 128 characters of A-Z, a-z, 0-9, '-', '_' and '.'";
            Err(InvalidName::new("namespace", s, rule))
        }
    }
}

impl TryFrom<String> for Namespace {
    type Error = InvalidName;

    fn try_from(s: String) -> Result<Self, InvalidName> {
        s.parse()
    }
}

impl From<Namespace> for String {
    fn from(n: Namespace) -> Self {
        n.as_str().to_owned()
    }
}

impl fmt::Display for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Namespace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Namespace({self})")
    }
}

//! [`Access`]: what a key allows in the namespaces of its scope.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// What a key allows in the namespaces of its scope; each level includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Access {
    /// Queries, and what there is to know about a namespace.
    Read,
    /// Writes, schema changes, deletion of namespaces.
    Write,
    /// Making, listing and revoking keys of the same scope or a narrower one.
    Admin,
}

impl Access {
    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Access {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "read" => Ok(Self::Read),
            "write" => Ok(Self::Write),
            "admin" => Ok(Self::Admin),
            _ => Err("expected read, write or admin"),
        }
    }
}

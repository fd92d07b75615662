//! [`Role`]: a part of the work that a process takes on.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// A part of the work that a process takes on; any mix runs in one process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Accepts writes: owns the log or takes it over, and forwards what it does not own.
    Write,
    /// Answers queries.
    Query,
    /// Builds missing indexes.
    Index,
    /// Folds the log into parts and merges them.
    Compact,
    /// Copies the logs of the other regions of its cluster into its region's bucket.
    Replicate,
}

impl Role {
    /// All of them, which is the default of a process.
    pub const ALL: [Self; 5] = [
        Self::Write,
        Self::Query,
        Self::Index,
        Self::Compact,
        Self::Replicate,
    ];
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Write => "write",
            Self::Query => "query",
            Self::Index => "index",
            Self::Compact => "compact",
            Self::Replicate => "replicate",
        })
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        let found = Self::ALL.into_iter().find(|role| role.to_string() == s);
        let all = "write, query, index, compact or replicate";
        found.ok_or_else(|| format!("unknown role `{s}`, expected {all}"))
    }
}

//! [`LogId`] and [`ShardId`]: which log.

use super::{InvalidName, Region};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// One log of a region; namespaces are hashed onto the shards.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct ShardId(pub u16);

impl fmt::Display for ShardId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

/// A log: the segments of one shard of one region. Written `region/0000`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct LogId {
    /// The only region that appends to it.
    pub region: Region,
    /// Which of the region's logs.
    pub shard: ShardId,
}

impl LogId {
    /// The log of `shard` in `region`.
    pub fn new(region: Region, shard: ShardId) -> Self {
        Self { region, shard }
    }
}

impl fmt::Display for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.region, self.shard)
    }
}

impl fmt::Debug for LogId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LogId({self})")
    }
}

impl FromStr for LogId {
    type Err = InvalidName;

    fn from_str(s: &str) -> Result<Self, InvalidName> {
        let bad = || InvalidName::new("log", s, "a region, a slash and a four-digit shard number");
        let (region, shard) = s.split_once('/').ok_or_else(bad)?;
        if shard.len() != 4 {
            return Err(bad());
        }
        Ok(Self {
            region: region.parse()?,
            shard: ShardId(shard.parse().map_err(|_| bad())?),
        })
    }
}

impl TryFrom<String> for LogId {
    type Error = InvalidName;

    fn try_from(s: String) -> Result<Self, InvalidName> {
        s.parse()
    }
}

impl From<LogId> for String {
    fn from(l: LogId) -> Self {
        l.to_string()
    }
}

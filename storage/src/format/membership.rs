//! [`Membership`]: which regions a cluster consists of; and [`Ack`], what the bucket of one holds.

use super::{FormatError, sealed};
use crate::model::{BucketId, ClusterId, LogId, Namespace, Region, Seq, ShardId, VersionVector};
use bytes::Bytes;
use serde::{Deserialize, Serialize};

/// The format version that is written of both, and the newest that is read.
const VERSION: u32 = 1;

/// The regions of a cluster from a change on: object `cluster/{number}` in the bucket of each.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// Counts the changes, from 1.
    pub number: u64,
    /// The cluster.
    pub cluster: ClusterId,
    /// The members. The first is the home of all namespaces that no entry of `homes` names.
    pub members: Vec<Member>,
    /// The homes of namespaces by the prefixes of their names.
    #[serde(default)]
    pub homes: Vec<Home>,
    /// Regions that were members, with the ends of their logs: everything up to there counts, and nothing after it.
    #[serde(default)]
    pub removed: Vec<Removed>,
    /// When, in milliseconds since 1970. For people.
    pub created_at_ms: u64,
}

/// A region of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Its name.
    pub region: Region,
    /// Its bucket.
    pub bucket: BucketId,
    /// Since which membership it is a member.
    pub since: u64,
}

/// The home of the namespaces whose names start with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Home {
    /// What the names start with.
    pub prefix: String,
    /// The region.
    pub region: Region,
}

/// A region that was removed. It comes back under another name only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Removed {
    /// Its name.
    pub region: Region,
    /// Up to where its logs count: as far as the other buckets held them together.
    pub upto: VersionVector,
}

impl Membership {
    const WHAT: &'static str = "membership";

    /// The object's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(Self::WHAT, VERSION, self)
    }

    /// Reads a membership; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(Self::WHAT, VERSION, bytes)
    }

    /// The member of this name.
    pub fn get(&self, region: Region) -> Option<&Member> {
        self.members.iter().find(|member| member.region == region)
    }

    /// The logs of all members, and of those that were: whoever has seen all of them has seen everything.
    pub fn logs(&self) -> impl Iterator<Item = LogId> + '_ {
        let members = self.members.iter().map(|member| member.region);
        let regions = members.chain(self.removed.iter().map(|removed| removed.region));
        regions.map(|region| LogId::new(region, ShardId(0)))
    }

    /// The last segment of a log that counts, where its region was removed; none where it is a member.
    pub fn end(&self, log: LogId) -> Option<Seq> {
        let removed = self.removed.iter().find(|r| r.region == log.region)?;
        Some(removed.upto.get(log))
    }

    /// The region that resolves conditional and by-filter writes of `namespace`: that of the longest prefix, else the
    /// first.
    pub fn home(&self, namespace: &Namespace) -> Option<Region> {
        let fits = |home: &&Home| namespace.as_str().starts_with(&home.prefix);
        let homes = self.homes.iter().filter(fits);
        let longest = homes.max_by_key(|home| home.prefix.len());
        let first = self.members.first().map(|member| member.region);
        longest.map(|home| home.region).or(first)
    }
}

/// What a region's bucket holds for good: object `ack/{number}` in it. The others keep of their logs what it lacks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Ack {
    /// Counts the acks of the bucket, from 1.
    pub number: u64,
    /// The number of the newest membership that the region knows.
    pub membership: u64,
    /// Of each log the last segment up to which the bucket holds verified copies or a checkpoint that covers them.
    pub holds: VersionVector,
    /// When, in milliseconds since 1970. For people.
    pub created_at_ms: u64,
}

impl Ack {
    const WHAT: &'static str = "ack";

    /// The object's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        sealed::seal(Self::WHAT, VERSION, self)
    }

    /// Reads an ack; damage and newer versions are refused.
    pub fn decode(bytes: &[u8]) -> Result<Self, FormatError> {
        sealed::open(Self::WHAT, VERSION, bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn membership() -> Membership {
        let member = |name: &str| Member {
            region: name.parse().unwrap(),
            bucket: BucketId(Uuid::from_u128(1)),
            since: 1,
        };
        let home = |prefix: &str, region: &str| Home {
            prefix: prefix.to_owned(),
            region: region.parse().unwrap(),
        };
        Membership {
            number: 2,
            cluster: ClusterId(Uuid::from_u128(7)),
            members: vec![member("use1"), member("euw1")],
            homes: vec![home("eu-", "euw1"), home("eu-west-only-us", "use1")],
            removed: vec![],
            created_at_ms: 5,
        }
    }

    #[test]
    fn should_find_the_home_by_the_longest_prefix() {
        let membership = membership();
        let home = |name: &str| membership.home(&name.parse().unwrap()).unwrap().to_string();
        assert_eq!(home("books"), "use1");
        assert_eq!(home("eu-books"), "euw1");
        assert_eq!(home("eu-west-only-us-books"), "use1");
    }

    #[test]
    fn should_read_what_it_writes_and_notice_damage() {
        let membership = membership();
        let bytes = membership.encode().unwrap();
        assert_eq!(Membership::decode(&bytes).unwrap(), membership);
        let log = LogId::new("use1".parse().unwrap(), ShardId(0));
        let ack = Ack {
            number: 3,
            membership: 2,
            holds: [(log, Seq(7))].into_iter().collect(),
            created_at_ms: 6,
        };
        let bytes = ack.encode().unwrap();
        assert_eq!(Ack::decode(&bytes).unwrap(), ack);
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        assert!(Ack::decode(text.replace(":7}", ":8}").as_bytes()).is_err());
    }
}

//! [`Policy`]: what a namespace is kept ready for, and whether it takes writes.

use serde::{Deserialize, Serialize};

/// A namespace's policy, as it stands in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Policy {
    /// How many replicas are kept ready for it, where it is pinned.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinning: Option<Pinning>,
    /// Whether writes of rows and of the schema are refused.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub read_only: bool,
}

/// How a pinned namespace is kept ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pinning {
    /// On how many replicas.
    pub replicas: u32,
}

/// What changes of a namespace's policy; what is `None` stays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PolicyChange {
    /// Pins it, or no longer.
    pub pinning: Option<Option<Pinning>>,
    /// Refuses writes, or no longer.
    pub read_only: Option<bool>,
}

impl Policy {
    /// The policy that stands in the log as `json`; what is not known of it is left out.
    pub fn of_json(json: &serde_json::Value) -> Self {
        Self::deserialize(json).unwrap_or_default()
    }

    /// The policy as it stands in the log.
    pub fn to_json(self) -> serde_json::Value {
        serde_json::to_value(self).unwrap_or_default()
    }

    /// The policy after `change`.
    #[must_use]
    pub fn changed(self, change: PolicyChange) -> Self {
        Self {
            pinning: change.pinning.unwrap_or(self.pinning),
            read_only: change.read_only.unwrap_or(self.read_only),
        }
    }
}

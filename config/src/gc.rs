//! [`GcConfig`]: for how long what is not current any more is kept.

use crate::problems::Problems;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[gc]`: for how long what is not current any more is kept in the bucket.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct GcConfig {
    /// Every time so far back can be restored: the log and the checkpoints that it takes are kept. Default 24 h,
    /// which is also the least. Longer costs space: everything that was replaced meanwhile.
    #[serde(with = "humantime_serde")]
    pub retention: Duration,
    /// For so long the note that segments are about to go stands before they go. Default 10 min, which is also the
    /// least: readers rely on it.
    #[serde(with = "humantime_serde")]
    pub grace: Duration,
    /// How often a node with the role `compact` deletes what nobody needs any more. Default 1 h. Each pass lists
    /// the bucket and reads its manifests.
    #[serde(with = "humantime_serde")]
    pub interval: Duration,
}

impl Default for GcConfig {
    fn default() -> Self {
        Self {
            retention: Duration::from_hours(24),
            grace: Duration::from_mins(10),
            interval: Duration::from_hours(1),
        }
    }
}

impl GcConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let (minute, day) = (Duration::from_mins(1), Duration::from_hours(24));
        problems.time("retention", self.retention, day, 3_660 * day);
        problems.time("grace", self.grace, 10 * minute, day);
        problems.time("interval", self.interval, minute, day);
    }
}

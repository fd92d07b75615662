//! [`SearchConfig`]: how queries are run.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// `[search]`: how queries are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SearchConfig {
    /// Threads that search; 0 = as many as the machine has cores. Default 0.
    pub threads: usize,
    /// Queries that may wait for a thread; more get 429. Default 1,024.
    pub queue: usize,
    /// When a search ends with 503, counted from its arrival. Default 30 s.
    #[serde(with = "humantime_serde")]
    pub deadline: Duration,
    /// Bytes of filter results kept for the next query with the same filter. Default 64 MiB.
    pub filter_cache: ByteSize,
    /// Bytes that the rows of a request's answers may take; one that asks for more gets 400. Default
    /// 128 MiB. Each thread that searches may hold so many.
    pub max_answer: ByteSize,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            threads: 0,
            queue: 1_024,
            deadline: Duration::from_secs(30),
            filter_cache: ByteSize::mib(64),
            max_answer: ByteSize::mib(128),
        }
    }
}

impl SearchConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        problems.range("threads", self.threads, 0, 1_024);
        problems.range("queue", self.queue, 1, 1 << 20);
        let (least, most) = (Duration::from_millis(1), Duration::from_hours(1));
        problems.time("deadline", self.deadline, least, most);
        let (least, most) = (ByteSize::mib(1), ByteSize::gib(4));
        problems.range("max_answer", self.max_answer, least, most);
        problems.range(
            "filter_cache",
            self.filter_cache,
            ByteSize::b(0),
            ByteSize::gib(64),
        );
    }
}

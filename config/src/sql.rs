//! [`SqlConfig`]: how SQL statements are run.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, time::Duration};

/// `[sql]`: how SQL statements are run.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SqlConfig {
    /// Address and port to listen on for PostgreSQL's protocol; port 0 takes a free one. While the region
    /// has no API keys, only a loopback address is accepted; TLS is that of `[server]`. Default: none.
    pub listen: Option<SocketAddr>,
    /// Sessions of that protocol open at a time; more wait to be accepted. Default 200.
    pub max_connections: usize,
    /// Bytes that one statement may hold for sorting, joining and grouping; one that needs more fails.
    /// Default 256 MiB. Nothing is written to disk: `concurrent` times as much must fit into memory.
    pub memory: ByteSize,
    /// Statements that run at a time. Default 16.
    pub concurrent: usize,
    /// Statements that may wait to run; more are refused. Default 256.
    pub queue: usize,
    /// How long a statement may take. Default 30 s.
    #[serde(with = "humantime_serde")]
    pub timeout: Duration,
    /// Threads that run statements; 0 = as many as the machine has cores. Default 0.
    pub threads: usize,
}

impl Default for SqlConfig {
    fn default() -> Self {
        Self {
            listen: None,
            max_connections: 200,
            memory: ByteSize::mib(256),
            concurrent: 16,
            queue: 256,
            timeout: Duration::from_secs(30),
            threads: 0,
        }
    }
}

impl SqlConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        problems.range("max_connections", self.max_connections, 1, 100_000);
        let (least, most) = (ByteSize::mib(1), ByteSize::gib(64));
        problems.range("memory", self.memory, least, most);
        problems.range("concurrent", self.concurrent, 1, 4_096);
        problems.range("queue", self.queue, 0, 65_536);
        let (least, most) = (Duration::from_millis(1), Duration::from_hours(24));
        problems.time("timeout", self.timeout, least, most);
        problems.range("threads", self.threads, 0, 1_024);
    }
}

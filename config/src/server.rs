//! [`ServerConfig`]: the HTTP side of a process.

use crate::problems::Problems;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, time::Duration};

/// `[server]`: the HTTP side of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one. Loopback only, as there are no keys
    /// yet. Default 127.0.0.1:7750.
    pub listen: SocketAddr,
    /// The address under which the other processes of the region reach this one, as `host:port`; it
    /// stands in the ownership claim. Default: where it listens.
    pub advertise: Option<String>,
    /// The largest request body after decompression, bytes. Default 64 MiB, at most 512 MiB: a
    /// request becomes one block of one segment and is never split.
    pub max_body: ByteSize,
    /// How long a request may take before it is answered with 503. Default 60 s, which is also the
    /// clients' own limit.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Requests at work at a time; more wait, then get 429. Default 512. Raise it with memory: each
    /// may hold a body.
    pub max_concurrent: usize,
    /// How long a write waits for an owner of the log, or for a store that does not answer, before
    /// it gets 503. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub owner_wait: Duration,
    /// How long open requests are given to end after SIGTERM. Default 20 s; keep it below the time
    /// after which whoever runs the process kills it.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7750)),
            advertise: None,
            max_body: ByteSize::mib(64),
            request_timeout: Duration::from_mins(1),
            max_concurrent: 512,
            owner_wait: Duration::from_secs(10),
            drain_timeout: Duration::from_secs(20),
        }
    }
}

impl ServerConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let second = Duration::from_secs(1);
        let hour = Duration::from_hours(1);
        problems.need(self.listen.ip().is_loopback(), "listen", || {
            let address = self.listen;
            format!("{address} is not a loopback address, and there are no API keys yet")
        });
        problems.range(
            "max_body",
            self.max_body,
            ByteSize::kib(4),
            ByteSize::mib(512),
        );
        problems.time("request_timeout", self.request_timeout, second, hour);
        problems.range("max_concurrent", self.max_concurrent, 1, 65_536);
        problems.time("owner_wait", self.owner_wait, Duration::ZERO, hour);
        problems.time("drain_timeout", self.drain_timeout, Duration::ZERO, hour);
    }
}

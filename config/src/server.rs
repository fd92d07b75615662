//! [`ServerConfig`]: the HTTP side of a process.

use crate::{HiddenText, TlsConfig, problems::Problems};
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use std::{net::SocketAddr, time::Duration};

/// `[server]`: the HTTP side of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Address and port to listen on; port 0 takes a free one. While the region has no API keys, only
    /// a loopback address is accepted. Default 127.0.0.1:7750.
    pub listen: SocketAddr,
    /// Address and port for the nodes of other regions, which have to show a certificate of `tls.client_ca` there; only
    /// there they can hand over segments. Default: none, and they come to `listen`, with the cluster's key alone.
    pub region_listen: Option<SocketAddr>,
    /// The address under which the other processes of the region reach this one, as `host:port`; it
    /// stands in the ownership claim. Default: where it listens.
    pub advertise: Option<String>,
    /// Who the server is, for HTTPS. Default: none, and plain HTTP.
    pub tls: TlsConfig,
    /// What the processes of the region prove to each other that they belong together: the same text in
    /// all of them, at least 16 characters, or none. Without it anybody may ask a node which logs it
    /// owns, and nothing else; what is forwarded between nodes carries the client's own key. Never
    /// printed. Default: none.
    #[serde(skip_serializing)]
    pub node_secret: Option<HiddenText>,
    /// The largest request body after decompression, bytes. Default 64 MiB, at most 512 MiB: a
    /// request becomes one block of one segment and is never split.
    pub max_body: ByteSize,
    /// Bytes that the bodies of all requests, their decoded values and the answers that are being sent may
    /// take together; what does not fit gets 429. Default 1 GiB, at least twice `max_body`.
    pub request_memory: ByteSize,
    /// How long a client may take between two pieces of a request's body, before it gets 408. Default
    /// 15 s.
    #[serde(with = "humantime_serde")]
    pub body_timeout: Duration,
    /// How long a request may take before it is answered with 503. Default 60 s, which is also the
    /// clients' own limit.
    #[serde(with = "humantime_serde")]
    pub request_timeout: Duration,
    /// Connections open at a time; more wait to be accepted. Default 4096. Each takes about 20 KiB and
    /// a file descriptor.
    pub max_connections: usize,
    /// How long a connection may stand still: between two requests, within the head of one, or while
    /// the client does not take its answer. Default 60 s; clients that keep connections longer open
    /// new ones.
    #[serde(with = "humantime_serde")]
    pub idle_timeout: Duration,
    /// Requests at work at a time; more wait, then get 429. Default 512. Raise it with memory: each
    /// may hold a body.
    pub max_concurrent: usize,
    /// How long a write waits for an owner of the log, or for a store that does not answer, before
    /// it gets 503. Default 10 s.
    #[serde(with = "humantime_serde")]
    pub owner_wait: Duration,
    /// A query that takes longer than this is logged, with where its time went and without what it asked for. Default:
    /// none is.
    #[serde(with = "humantime_serde::option")]
    pub slow_query: Option<Duration>,
    /// Rows that one `delete_by_filter` may delete; where more match, the write is refused or deletes so
    /// many, as it says. Default 5,000,000. Lower it where memory is short: each takes some hundred bytes
    /// until the write is applied.
    pub delete_by_filter_rows: usize,
    /// Rows that one `patch_by_filter` may patch, likewise. Default 50,000.
    pub patch_by_filter_rows: usize,
    /// How long open requests are given to end after SIGTERM. Default 20 s; keep it below the time
    /// after which whoever runs the process kills it.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 7750)),
            region_listen: None,
            advertise: None,
            tls: TlsConfig::default(),
            node_secret: None,
            max_body: ByteSize::mib(64),
            request_memory: ByteSize::gib(1),
            body_timeout: Duration::from_secs(15),
            request_timeout: Duration::from_mins(1),
            max_connections: 4096,
            idle_timeout: Duration::from_mins(1),
            max_concurrent: 512,
            owner_wait: Duration::from_secs(10),
            slow_query: None,
            delete_by_filter_rows: 5_000_000,
            patch_by_filter_rows: 50_000,
            drain_timeout: Duration::from_secs(20),
        }
    }
}

impl ServerConfig {
    pub(crate) fn check(&self, problems: &mut Problems<'_>) {
        let second = Duration::from_secs(1);
        let hour = Duration::from_hours(1);
        problems.range(
            "max_body",
            self.max_body,
            ByteSize::kib(4),
            ByteSize::mib(512),
        );
        let memory = self.request_memory;
        problems.need(
            memory.as_u64() / 2 >= self.max_body.as_u64(),
            "request_memory",
            || format!("{memory} is less than twice max_body, {}", self.max_body),
        );
        let secret = self.node_secret.as_ref().map(HiddenText::expose);
        problems.need(
            secret.is_none_or(|text| text.len() >= 16),
            "node_secret",
            || "is shorter than 16 characters".to_owned(),
        );
        let tls = &self.tls;
        problems.need(tls.cert.is_some() == tls.key.is_some(), "tls", || {
            "needs both cert and key, or neither".to_owned()
        });
        let proven = tls.cert.is_some() && tls.client_ca.is_some();
        problems.need(
            self.region_listen.is_none() || proven,
            "region_listen",
            || "needs tls.cert, tls.key and tls.client_ca".to_owned(),
        );
        problems.need(
            tls.client_ca.is_none() || self.region_listen.is_some(),
            "tls.client_ca",
            || "is for region_listen, which is not given".to_owned(),
        );
        problems.time("body_timeout", self.body_timeout, second, hour);
        problems.time("request_timeout", self.request_timeout, second, hour);
        problems.range("max_connections", self.max_connections, 1, 1_000_000);
        problems.time("idle_timeout", self.idle_timeout, second, hour);
        problems.range("max_concurrent", self.max_concurrent, 1, 65_536);
        problems.time("owner_wait", self.owner_wait, Duration::ZERO, hour);
        let (deleted, patched) = (self.delete_by_filter_rows, self.patch_by_filter_rows);
        problems.range("delete_by_filter_rows", deleted, 1, 100_000_000);
        problems.range("patch_by_filter_rows", patched, 1, 5_000_000);
        problems.time("drain_timeout", self.drain_timeout, Duration::ZERO, hour);
    }
}

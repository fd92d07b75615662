//! [`TlsConfig`]: who a process is, for HTTPS, and whom it believes.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[server.tls]`: who a process is, for HTTPS, and whom it believes. All files are read again when they change, and at
/// SIGHUP.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// A PEM file with the certificate and those between it and its authority. Nodes of other regions that ask for a
    /// certificate are shown the same. Default: none.
    pub cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key. Default: none.
    pub key: Option<PathBuf>,
    /// A PEM file with authorities that certificates of other nodes may come from, besides those that the system knows.
    /// Default: none.
    pub ca: Option<PathBuf>,
    /// A PEM file with the authorities that the certificates come from which nodes of other regions have to show at
    /// `server.region_listen`. Default: none.
    pub client_ca: Option<PathBuf>,
    /// The oldest version of TLS that is spoken: `1.2` or `1.3`. Default 1.2.
    pub min_version: TlsVersion,
}

/// A version of TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize)]
pub enum TlsVersion {
    /// TLS 1.2.
    #[default]
    #[serde(rename = "1.2")]
    V12,
    /// TLS 1.3.
    #[serde(rename = "1.3")]
    V13,
}

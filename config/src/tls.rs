//! [`TlsConfig`]: who a process is, for HTTPS.

use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// `[server.tls]`: who a process is, for HTTPS.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TlsConfig {
    /// A PEM file with the certificate and those between it and its authority. Read again when it changes,
    /// and at SIGHUP. Default: none.
    pub cert: Option<PathBuf>,
    /// A PEM file with the certificate's private key. Default: none.
    pub key: Option<PathBuf>,
    /// A PEM file with authorities that certificates of the region's other processes may come from, besides
    /// those that the system knows. Default: none.
    pub ca: Option<PathBuf>,
}

//! [`ConfigError`]: why there is no usable configuration.

use crate::Problem;
use std::{fmt, io, path::PathBuf};

/// Why there is no usable configuration.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// A setting is unknown or its value has the wrong type; says which and from where.
    #[error("the configuration cannot be understood")]
    Parse(#[source] Box<figment::Error>),
    /// A file of a cluster is no TOML, or has keys or values that are unknown.
    #[error("the cluster cannot be understood")]
    Toml(#[source] toml::de::Error),
    /// The same of one in JSON.
    #[error("the cluster cannot be understood")]
    Json(#[source] serde_json::Error),
    /// Settings that cannot be worked with, all of them.
    #[error("{}", List(.0))]
    Invalid(Vec<Problem>),
    /// The settings cannot be written as TOML.
    #[error("the configuration cannot be written as TOML")]
    Print(#[source] toml::ser::Error),
}

/// Problems in one line.
struct List<'a>(&'a [Problem]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "invalid settings")?;
        for (i, problem) in self.0.iter().enumerate() {
            write!(f, "{} {problem}", if i == 0 { ":" } else { ";" })?;
        }
        Ok(())
    }
}

//! [`StoreKind`]: which sort of object storage.

use std::fmt;

/// Which sort of object storage a bucket lies in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum StoreKind {
    /// A local directory.
    File,
    /// The memory of this process; gone with it.
    Memory,
    /// Amazon S3, or what speaks its protocol.
    S3,
    /// Google Cloud Storage.
    Gcs,
    /// Azure Blob Storage.
    Azure,
}

impl StoreKind {
    /// Whether every request costs money, so that batching is worth some latency.
    pub fn charges_per_request(self) -> bool {
        matches!(self, Self::S3 | Self::Gcs | Self::Azure)
    }

    /// What `op` costs, in dollars; list prices of the clouds' standard classes, bytes excluded.
    pub fn dollars(self, op: super::Op) -> f64 {
        use super::Op;
        if !self.charges_per_request() {
            return 0.0;
        }
        match op {
            Op::Put | Op::List | Op::Copy => 5.0 / 1e6,
            Op::Get => 0.4 / 1e6,
            Op::Delete => 0.0,
        }
    }
}

impl fmt::Display for StoreKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::File => "local directory",
            Self::Memory => "memory",
            Self::S3 => "S3",
            Self::Gcs => "Google Cloud Storage",
            Self::Azure => "Azure Blob Storage",
        })
    }
}

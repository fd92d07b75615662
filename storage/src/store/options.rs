//! [`StoreOptions`]: how a bucket is opened.

use super::{DeadlineOptions, RetryOptions, ThrottleOptions};
use isobath_config::{LogConfig, StoreConfig};
use std::time::Duration;

/// How a bucket is opened; the defaults are for production.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StoreOptions {
    /// Whether a local directory is made if it is not there.
    pub create_dir: bool,
    /// Whether writes to a local directory are on the disk before they are answered. Without it a
    /// power cut loses acknowledged writes: for tests only.
    pub fsync: bool,
    /// How long the log's requests may take; the log sends them again itself.
    pub log_deadline: DeadlineOptions,
    /// How long all other requests may take.
    pub data_deadline: DeadlineOptions,
    /// How often all other requests are sent again.
    pub data_retry: RetryOptions,
    /// Bytes that a local directory keeps free.
    pub reserve: u64,
    /// How slow the store is made; for tests and measurements.
    pub throttle: ThrottleOptions,
}

impl StoreOptions {
    /// As the settings say.
    pub fn from_config(store: &StoreConfig, log: &LogConfig) -> Self {
        let usual = Self::default();
        Self {
            log_deadline: DeadlineOptions {
                base: log.put_timeout,
                ..usual.log_deadline
            },
            data_deadline: DeadlineOptions {
                base: store.timeout,
                ..usual.data_deadline
            },
            data_retry: RetryOptions {
                attempts: store.attempts,
                pause_min: store.retry_wait,
                pause_max: store.retry_wait_max,
            },
            reserve: store.reserve.as_u64(),
            throttle: ThrottleOptions {
                latency: store.added_latency,
                bytes_per_second: store.bandwidth.map(|bytes| bytes.as_u64()),
            },
            ..usual
        }
    }
}

impl Default for StoreOptions {
    fn default() -> Self {
        let bytes_per_second = 10_000_000;
        let log_deadline = DeadlineOptions {
            base: Duration::from_secs(5),
            bytes_per_second,
        };
        Self {
            create_dir: false,
            fsync: true,
            log_deadline,
            data_deadline: DeadlineOptions {
                base: Duration::from_secs(30),
                ..log_deadline
            },
            data_retry: RetryOptions {
                attempts: 5,
                pause_min: Duration::from_millis(100),
                pause_max: Duration::from_secs(5),
            },
            reserve: 64 << 20,
            throttle: ThrottleOptions::default(),
        }
    }
}

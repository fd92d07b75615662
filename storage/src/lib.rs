//! The log: what a mutation is, how it is laid out, committed, found again, carried between regions.
//!
//! Inside, `model ← format ← store ← {log, catalog} ← replicate`; `fold` uses `model` only; `model`, `format` and
//! `fold` know neither tokio nor `object_store`.

pub mod audit;
pub mod catalog;
pub mod clock;
pub mod error;
pub mod fold;
pub mod format;
pub mod log;
pub mod metrics;
pub mod model;
pub mod replicate;
pub mod store;
pub mod trace;

pub use clock::{Clock, SystemClock};

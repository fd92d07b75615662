//! Audit records: who changed what and when, in objects beside the log that are created once and never touched again.
//!
//! Every mutation that a process commits becomes one [`AuditRecord`], a line of JSON. A task gathers them for a moment
//! and creates an object of them, compressed, under [`AuditKey`](crate::store::keys::AuditKey). Records wait in a queue
//! that is bounded: a write waits for its record to fit at most as long as it is told, then the record is dropped, and
//! the next object says how many were. What a process has not stored when it is killed is lost with it; the log itself
//! names the key of each write.

mod log;
mod metrics;
mod record;

pub use log::{AuditLog, AuditParts};
pub use metrics::describe;
pub use record::{AuditOutcome, AuditRecord};

#[cfg(test)]
mod tests;

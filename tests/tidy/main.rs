//! The house rules that no compiler checks: who may use whom, and how long things may be.
#![expect(
    clippy::unwrap_used,
    reason = "a file of ours that cannot be read fails the test"
)]

mod edges;
mod shape;
mod source;

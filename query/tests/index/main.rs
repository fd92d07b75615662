//! The vector index over real and made-up vectors, from outside.

#![expect(clippy::unwrap_used, reason = "these are tests")]
#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    reason = "small counts"
)]

mod data;
mod files;
mod filters;
mod metrics;
mod odd;
mod real;
mod yardstick;

//! Carrying logs between the buckets of regions.
//!
//! A [`Relay`] copies one log of another region into the region's own bucket: the same bytes under the same key, in
//! order, each created once. What the region's nodes apply they read from there, so that whatever one of them has seen
//! is still there when the origin is lost.
//!
//! ```text
//! origin's bucket ── read, up to 16 at a time ──┐
//! origin's owner ─── pushed, as it commits ─────┴─▶ verify ─▶ create, in order ─▶ own bucket ─▶ tail ─▶ views
//! ```
//!
//! [`Breaker`] decides when another region is not asked any more; it knows neither time nor network.

mod adopted;
mod breaker;
pub mod metrics;
mod relay;
mod repair;
#[cfg(test)]
mod tests;

pub use breaker::{Breaker, BreakerState};
pub use relay::{Origin, Relay, RelayHandle, RelayParts, RelayState};

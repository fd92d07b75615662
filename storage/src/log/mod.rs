//! The log of one (region, shard): ownership, commit, tail.
//!
//! [`protocol`] holds the rules as pure state machines. Around them one task per log does the IO: it
//! follows the log, takes it over when nobody owns it, and as its owner groups requests into segments.
//! What it reads or commits goes to a [`Sink`], in order; requests come in through a [`LogHandle`].
//!
//! ```text
//!             no owner, or the owner is silent            fenced by a newer owner
//!   follow ────────────────────────────────▶ take over ─▶ own ─────────▶ settle ─▶ follow
//!     ▲                     lost the race │
//!     └───────────────────────────────────┘
//! ```
//!
//! Timing assumptions: none for safety (a process may stop anywhere, for any time). Liveness wants
//! pings and clocks that run at about the same speed.

mod barriers;
mod batch;
pub mod chain;
mod commit;
mod error;
mod follow;
mod glance;
mod handle;
mod liveness;
pub mod metrics;
mod own;
mod pace;
mod parts;
pub mod protocol;
mod segments;
mod settle;
mod sink;
mod status;
mod tail;
mod take_over;
mod task;

#[cfg(test)]
mod tests;

pub use error::{AppendError, BarrierError};
pub use handle::LogHandle;
pub use parts::{Member, Parts, Published, Start};
pub(crate) use segments::{Fault, Read, Segments, heavy};
pub use sink::{Affected, BucketCheck, Committed, Peer, Resolution, Sink};
pub use status::{Role, StopReason};
pub(crate) use tail::Tail;
pub use task::start;

//! [`Gc`]: deletes what nobody needs any more, and nothing else.
//!
//! A pass gathers [`Facts`] (the listing first), makes a [`Plan`] of them, which is pure, and carries it out:
//!
//! 1. Every object that the base, the newest checkpoint older than the retention, needs is there and undamaged.
//! 2. New floors are created; what they cover goes when they are older than the grace, in a later pass.
//! 3. Namespaces of which unreferenced objects are to go get their next manifest, and the bucket its next checkpoint,
//!    with unchanged content: a compactor that stalled before it could refer to them loses its number.
//! 4. Objects go: checkpoints, manifests, what they referred to, segments up to the floors.
//!
//! What keeps what:
//!
//! | object | is kept by |
//! |---|---|
//! | checkpoint | the retention: every time within it can be restored; a pin; being the newest |
//! | manifest | a kept checkpoint; being the newest; having been superseded less than a day ago, for who reads it |
//! | part, deletion vector, run, map | a kept manifest or checkpoint; being younger than a day |
//! | index | its part |
//! | segment | being above the floor, which stays below the base, below every member's ack, and below segments younger than a day |
//! | claim, floor, membership, marker | for ever |

mod execute;
mod facts;
mod gather;
mod plan;
mod rules;
#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;

pub use execute::{Gc, Swept};
pub use facts::{CheckpointFacts, Facts, ManifestFacts, Seen, Times};
pub use plan::{Fate, Plan, Verdict, plan};

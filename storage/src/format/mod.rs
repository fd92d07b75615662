//! Bytes ⇄ values, versioned: no IO, no async.
//!
//! Every object carries a checksum that is verified when it is read, every length is checked
//! before anything is allocated, and an object of a newer version is refused by name. Segments
//! and parts hold Arrow IPC, metadata objects hold JSON, so that all of them can be read without
//! this program.
//!
//! | object | module |
//! |---|---|
//! | segment | [`segment`] |
//! | part | [`Part`] |
//! | manifest | [`Manifest`] |
//! | deletion vector | [`dead`] |
//! | checkpoint | [`Checkpoint`], [`NamespaceMap`] |
//! | run | [`run`] |
//! | pin | [`Pin`] |
//! | membership, ack | [`Membership`], [`Ack`] |
//! | index | [`BuiltIndex`], [`BuildClaim`] |

mod built_index;
mod checkpoint;
mod cursor;
pub mod dead;
mod error;
mod ipc;
mod manifest;
mod map;
mod membership;
pub mod part;
mod pin;
pub mod run;
#[cfg(test)]
mod samples;
mod sealed;
pub mod segment;
#[cfg(test)]
mod tests;
mod zstd;

pub use crate::model::PartEntry;
pub use built_index::{BuildClaim, BuiltFile, BuiltIndex};
pub use checkpoint::{Checkpoint, Position, RunEntry};
pub use error::FormatError;
pub use manifest::Manifest;
pub use map::{NamespaceEntry, NamespaceMap};
pub use membership::{Ack, Home, Member, Membership, Removed};
pub use part::Part;
pub use pin::Pin;

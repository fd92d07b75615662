//! The HTTP API: from requests to commands, from answers to JSON.
//!
//! What a command does is an [`Engine`]'s business; a node of a region is one.

mod body;
mod commit;
mod decode;
mod encode;
mod engine;
mod engine_error;
mod error;
#[cfg(test)]
mod fake;
mod headers;
mod layers;
pub mod metrics;
mod peers;
mod request;
mod routes;
mod serve;
mod state;
#[cfg(test)]
mod tests;

pub use engine::{
    Consistency, Deleted, Engine, Existence, GroundTruth, Health, Metadata, NamespacePage, OnStale,
    OwnedLog, Pong, Queried, ReadOptions, RecallCommand, Recalled, WriteCommand, WriteOptions,
    Written,
};
pub use engine_error::{EngineError, EngineErrorKind};
pub use peers::{PeerError, Peers};
pub use serve::{ServeError, ServerParts, bind, serve};

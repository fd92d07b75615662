//! The HTTP API: from requests to commands, from answers to JSON.
//!
//! What a command does is an [`Engine`]'s business; a node of a region is one.

mod engine;
mod engine_error;

pub use engine::{
    Consistency, Deleted, Engine, Existence, GroundTruth, Health, Metadata, NamespacePage, OnStale,
    OwnedLog, Pong, Queried, ReadOptions, RecallCommand, Recalled, WriteCommand, WriteOptions,
    Written,
};
pub use engine_error::{EngineError, EngineErrorKind};

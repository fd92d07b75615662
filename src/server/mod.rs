//! The HTTP API: from requests to commands, from answers to JSON.
//!
//! What a command does is an [`Engine`]'s business; a node of a region is one.

mod answer;
mod body;
mod commit;
mod connection;
mod decode;
mod encode;
mod engine;
mod engine_error;
mod error;
#[cfg(test)]
mod fake;
mod gate;
mod headers;
pub mod keys;
mod layers;
mod memory;
pub mod metrics;
mod openapi;
mod peer;
mod peers;
mod policy;
mod postgres;
mod query_steps;
mod regions;
mod request;
mod routes;
mod seen;
mod serve;
mod slow;
mod state;
#[cfg(test)]
mod tests;
mod tls;
mod write_command;

pub(crate) use decode::check_written;
pub use engine::{
    Concern, Consistency, Deleted, Engine, Explained, GroundTruth, Health, Metadata, NamespacePage,
    OnStale, OwnedLog, Pong, Queried, QueryCommand, ReadOptions, RecallCommand, Recalled, Spent,
    StoreUse, WriteOptions, Written,
};
pub use engine_error::{EngineError, EngineErrorKind};

pub use peers::{PeerError, Peers, PeersError};
pub use policy::{Pinning, Policy, PolicyChange};
pub use postgres::{PostgresParts, serve_postgres};
pub use query_steps::QuerySteps;
pub use regions::{
    ClusterSecret, Elsewhere, NamespaceReplication, Pushed, RegionPong, RegionStatus,
};
pub use serve::{Bound, Listening, ServeError, ServerParts, bind, serve};
pub use tls::{Tls, TlsError};
pub use write_command::{
    ByFilter, Conditions, CopyFrom, CopyKind, Existence, PatchByFilter, RowGuard, WriteCommand,
};

//! PostgreSQL's protocol, version 3: simple and extended queries, prepared statements, cancellation.
//!
//! Messages are read with their length checked first; rows are sent as they come; a statement ends when its
//! client asks for it or leaves.

mod answer;
mod connection;
mod message;
mod server;
mod types;
mod values;

pub(crate) use answer::TransactionState;
pub(crate) use server::SERVER_VERSION;
pub use server::{ClientKind, Doorman, Greeting, WireServer};
pub(crate) use types::{array_of, modifier_of, oid, oid_of, size_of_type};
pub(crate) use values::items_of;

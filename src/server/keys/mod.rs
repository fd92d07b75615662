//! API keys: what each may do, how they are recognised, and how they lie in the log.
//!
//! Keys are rows of a namespace of the system's own, [`Namespace::of_keys`], so that they are durable,
//! replicated and restored like data, and every node knows them as soon as it has read the log that far.
//! Only a key's hash is ever stored.
//!
//! [`Namespace::of_keys`]: isobath_storage::model::Namespace::of_keys

mod access;
mod hash;
mod key;
mod ring;
mod row;
mod secret;
#[cfg(test)]
mod tests;

pub use access::Access;
pub use hash::KeyHash;
pub use key::ApiKey;
pub use ring::KeyRing;
pub use secret::Secret;

pub(crate) use row::{delete_command, upsert_command};

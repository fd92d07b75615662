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

mod cursor;
mod error;
mod ipc;
#[cfg(test)]
mod samples;
pub mod segment;
mod zstd;

pub use error::FormatError;

//! The node's disk cache of immutable objects of the bucket.
//!
//! ```text
//! fetch(key, hash) ─▶ known and whole? ─▶ open file ─▶ mapped by its user
//!                        └─no─▶ ranged GETs ─▶ temporary file ─▶ hash ─▶ rename ─▶ known
//! ```
//!
//! - A file is called by the [`ContentHash`](isobath_storage::model::ContentHash) of its bytes, so that what two
//!   namespaces share lies here once.
//! - A file under its final name is whole: it is written under another name, compared with its hash and renamed. It is
//!   not synced, since one that an earlier process left is compared again before its first use.
//! - What is used least recently goes first; a file that somebody holds stays, since deleting it would free nothing.
//! - The folder may be emptied at any time: the next need fetches again, and mappings stay valid.

mod cached_file;
mod download;
mod entries;
mod error;
mod folder;
mod object_cache;
#[cfg(test)]
mod tests;
mod upload;

pub use cached_file::CachedFile;
pub use download::pieces_of;
pub use error::CacheError;
pub use object_cache::ObjectCache;

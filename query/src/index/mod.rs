//! The vector index: codes, a `DiskANN` graph over them, and scans where a graph does not pay.
//!
//! It knows vectors by slice and rows by number: nothing of views, parts, Arrow or HTTP. An index belongs to
//! the vectors of one part and to its [`IndexParams`]; building it costs time and losing it costs no more.
//!
//! ```text
//! vectors ─encode─▶ Codes ─build─▶ Graph ─calibrate─▶ Meta        files of an index: codes, graph, [rows,] meta
//! query ─prepare─▶ walk the graph, or scan, over the codes ─▶ rerank on the vectors ─▶ hits by (distance, row)
//! ```
//!
//! - [`build()`] writes an index into a directory; [`Index::open`] maps it; [`Index::search`] searches it.
//! - [`Codes`] with [`scan_codes`] serve rows that have no index yet; [`scan_exact`] serves exact answers.
//! - [`PreparedQuery`] is a query vector, rotated once for all of these, and holds the one exact distance.
//! - All of it is CPU work: call it on threads of its own, with one [`Scratch`] each.

#![expect(
    clippy::cast_possible_truncation,
    clippy::cast_precision_loss,
    clippy::cast_sign_loss,
    clippy::cast_possible_wrap,
    reason = "node numbers are below 2^31, dimensions below 2^17, quantised values within their bytes"
)]
#![expect(
    clippy::inline_always,
    reason = "kernels must be inlined to get the features of the machine, and the walk to keep its registers"
)]

pub mod bench;
mod bitset;
mod buffer;
mod build;
mod calibrate;
mod codes;
mod cold;
mod distance;
mod error;
mod file;
mod graph;
mod meta;
mod opened;
mod params;
mod plan;
mod pool;
mod prefetch;
mod query;
mod random;
mod rerank;
mod rotation;
mod scan;
mod search;
mod service;
pub mod text;
mod vectors;

pub use bitset::Bitset;
pub use build::build;
pub use codes::{Bits, Centre, Codes, Encoding};
pub use cold::{ColdCodes, distance_of_bytes};
pub use error::IndexError;
pub use file::FileRef;
pub use graph::Scratch;
pub use meta::{GraphMeta, META_FILE, Meta, Point};
pub use opened::Index;
pub use params::{IndexParams, MAX_DEGREE};
pub use plan::{SCAN_FILTERED_ROWS, SCAN_ROWS, SearchPath};
pub use query::PreparedQuery;
pub use rerank::Hit;
pub use scan::{default_keep, scan_codes, scan_exact};
pub use search::{Found, SearchOptions, SearchStats};
pub use service::{
    ColdIndex, IndexBucket, IndexService, IndexStatus, MIN_CODED_ROWS, RowIndex, VectorColumn,
    attach_codes,
};
pub use vectors::{MAX_DIM, VectorSet, Vectors};

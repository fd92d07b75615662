//! The text index: which rows hold which terms, how often, and how long each row is.
//!
//! ```text
//! text ─pieces─▶ tokens ─Analyzer─▶ terms ─build─▶ TextIndex: dictionary, postings by term, length by row
//! ```
//!
//! It is exact and complete, so that scores and statistics of a view are sums over its row sets. tantivy's own
//! index keeps lengths in one byte and statistics that deleted rows stay part of, so scores would differ from
//! part to delta; what is taken over from it is its stemmer. A row set whose slot is empty is analysed by the
//! first query that needs it, in place of the background. The index of a large part is kept in a file and mapped.

mod analyzer;
mod build;
mod column;
mod file;
mod fold;
mod pieces;
mod slot;
mod text_index;

pub use analyzer::Analyzer;
pub use column::TextColumn;
pub(super) use file::{Description, VERSION};
pub use slot::TextSlot;
pub use text_index::{Postings, TextIndex, Totals};

#[cfg(test)]
mod tests;

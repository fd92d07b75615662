//! Ranks and filters rows by their texts.
//!
//! ```text
//! Score ─bind─▶ BoundScore ─weigh─▶ leaves with the statistics of the whole view ─add, block by block─▶ top rows
//! ```

mod bm25;
mod rank;
mod score;
mod terms;
mod tokens;

pub(super) use rank::rank;
pub(super) use score::BoundScore;
pub(super) use tokens::TokenTest;

//! Filters: bound to a schema once per query, then evaluated column by column per row set.

mod bind;
mod cache;
mod evaluate;
mod glob;
mod literal;
mod matcher;
mod mismatch;
mod predicate;

pub(super) use bind::bind;
pub use cache::FilterCache;
pub(super) use cache::PredicateHash;
pub(super) use evaluate::evaluate;
pub(super) use predicate::Predicate;

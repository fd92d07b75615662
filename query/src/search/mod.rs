//! From a [`Query`] and a view to an answer.

mod query;

pub use query::{Aggregate, Comparison, Direction, Filter, Include, Query, RankBy};

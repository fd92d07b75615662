//! From a [`Query`] and a view to an [`Answer`].

mod answer;
mod query;

pub use answer::{Answer, Hit, Path, Stats};
pub use query::{Aggregate, Comparison, Direction, Filter, Include, Query, RankBy};

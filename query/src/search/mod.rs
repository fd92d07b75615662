//! From a [`Query`] and a view to an [`Answer`].

mod aggregate;
mod answer;
mod condition;
mod context;
mod deadline;
mod diverse;
mod error;
mod explain;
mod filter;
mod fuse;
mod hits;
mod matching;
mod nearest;
mod order;
mod place;
mod places;
mod pool;
mod query;
mod recall;
mod run;
mod scalars;
mod select;
mod sparse;
mod spot;
mod text;
mod top;

pub use answer::{AggregateValue, Answer, Group, Hit, Path, Stats};
pub use condition::{Condition, passing};
pub use context::SearchContext;
pub use deadline::Deadline;
pub use error::SearchError;
pub use explain::explain;
pub use filter::FilterCache;
pub use fuse::fuse;
pub use places::{
    NearestPlaces, NearestQuery, RowPlace, RowPredicate, nearest_places, passing_rows,
    scored_places,
};
pub use pool::SearchPool;
pub use query::{
    Aggregate, Comparison, Direction, Filter, Fusion, GroupBy, GroupKey, Include, Pattern,
    PerLimit, Query, RankBy, Score, Syntax, TextInput, TextMatch, TokenRule,
};
pub use recall::{GroundTruth, RecallQuery, RecallReport, recall};
pub use run::run;
pub use select::{Selection, select};

#[cfg(test)]
mod tests;

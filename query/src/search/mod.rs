//! From a [`Query`] and a view to an [`Answer`].

mod answer;
mod context;
mod deadline;
mod error;
mod filter;
mod hits;
mod matching;
mod nearest;
mod order;
mod place;
mod pool;
mod query;
mod recall;
mod run;
mod scalars;
mod text;
mod top;

pub use answer::{Answer, Hit, Path, Stats};
pub use context::SearchContext;
pub use deadline::Deadline;
pub use error::SearchError;
pub use filter::FilterCache;
pub use pool::SearchPool;
pub use query::{
    Aggregate, Comparison, Direction, Filter, Include, Pattern, Query, RankBy, Score, Syntax,
    TextInput, TextMatch, TokenRule,
};
pub use recall::{GroundTruth, RecallQuery, RecallReport, recall};
pub use run::run;

#[cfg(test)]
mod tests;

//! [`Answer`]: what a query found.

use isobath_storage::model::{AttributeName, Id, Value};

/// What one query found.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Answer {
    /// The rows, the first first.
    pub rows: Vec<Hit>,
    /// The aggregates by label, in the order in which they were asked for.
    pub aggregates: Vec<(String, AggregateValue)>,
    /// The groups by key, where the rows were grouped; then there are no aggregates besides theirs.
    pub groups: Option<Vec<Group>>,
    /// How the rows were found.
    pub stats: Stats,
}

/// What an aggregate came to.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum AggregateValue {
    /// A count or a sum of whole numbers, exactly.
    Whole(i128),
    /// A sum of floats, rounded once.
    Float(f64),
}

/// One group of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// The key's values, in the order in which they were asked for.
    pub key: Vec<Value>,
    /// The group's aggregates, in the order in which they were asked for.
    pub aggregates: Vec<AggregateValue>,
}

/// One row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Hit {
    /// The row.
    pub id: Id,
    /// Its distance from the query vector, where rows were ranked by one.
    pub distance: Option<f32>,
    /// The attributes that were asked for, by name; null ones may be left out.
    pub attributes: Vec<(AttributeName, Value)>,
}

/// How the rows of an answer were found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Which way the search took.
    pub path: Path,
    /// Rows whose vector or code was compared with the query.
    pub rows_scanned: u64,
    /// Rows searched exactly because no index covers them.
    pub exhaustive_search_count: u64,
    /// Rows whose full vector was compared after their code.
    pub candidates: u64,
    /// Rows that passed the filter, where there was one; replaced and deleted ones among them.
    pub filter_rows: Option<u64>,
}

impl Stats {
    /// Adds what another round over the same rows took.
    pub(super) fn add_round(&mut self, round: &Self) {
        self.path = round.path;
        self.rows_scanned += round.rows_scanned;
        self.candidates += round.candidates;
        self.exhaustive_search_count = round.exhaustive_search_count;
    }

    /// Adds those of another answer.
    pub(super) fn add_answer(&mut self, other: &Self) {
        if self.path != other.path {
            self.path = Path::Mixed;
        }
        self.rows_scanned += other.rows_scanned;
        self.candidates += other.candidates;
        self.exhaustive_search_count += other.exhaustive_search_count;
        self.filter_rows = match (self.filter_rows, other.filter_rows) {
            (Some(a), Some(b)) => Some(a + b),
            (a, b) => a.or(b),
        };
    }
}

/// Which way a search took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Path {
    /// Every row that counts, by its full vector or its attributes.
    #[default]
    Exact,
    /// Every row that counts, by its code.
    Codes,
    /// The graph of an index.
    Graph,
    /// Different ways for different row sets.
    Mixed,
}

impl Path {
    /// Its name in metrics and tables.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Codes => "codes",
            Self::Graph => "graph",
            Self::Mixed => "mixed",
        }
    }
}

//! [`Query`]: what is asked, independent of how it was written.

use isobath_storage::model::{AttributeName, Value};
use std::sync::Arc;

/// One query of a namespace.
#[derive(Debug, Clone, PartialEq)]
pub struct Query {
    /// Which rows come first.
    pub rank_by: RankBy,
    /// Which rows count at all.
    pub filter: Option<Filter>,
    /// How many rows are answered; 0 where only aggregates are asked for.
    pub limit: usize,
    /// How many of the first rows are left out.
    pub offset: usize,
    /// Which attributes the rows bring along.
    pub include: Include,
    /// How many rows of one kind are answered; `None` = all that come first.
    pub per: Option<PerLimit>,
    /// Aggregates over all rows that pass the filter, by label.
    pub aggregates: Vec<(String, Aggregate)>,
    /// What the rows are grouped by before they are aggregated; `None` = not at all.
    pub group_by: Option<GroupBy>,
    /// The recall that an approximate search aims for; `None` = the index's default.
    pub recall_target: Option<f32>,
}

/// The most rows that a short query looks for.
const SHORT: usize = 200;

impl Query {
    /// Whether it asks for a few rows that an index finds, and for nothing over all rows: where there is
    /// an index, the answer takes a fraction of a millisecond.
    pub fn is_short(&self) -> bool {
        let nearest = matches!(self.rank_by, RankBy::Ann { .. });
        let few = self.limit.saturating_add(self.offset) <= SHORT;
        let over_all = self.per.is_some() || self.group_by.is_some() || !self.aggregates.is_empty();
        nearest && few && !over_all
    }
}

/// Which rows come first.
#[derive(Debug, Clone, PartialEq)]
pub enum RankBy {
    /// The nearest vectors, through the index where there is one.
    Ann {
        /// The vector attribute.
        attribute: AttributeName,
        /// The query vector, of the attribute's dimension; every value is finite.
        vector: Vec<f32>,
    },
    /// The nearest vectors, exactly.
    Knn {
        /// The vector attribute.
        attribute: AttributeName,
        /// The query vector, of the attribute's dimension; every value is finite.
        vector: Vec<f32>,
    },
    /// The highest dot products of sparse vectors, exactly; rows whose product is 0 are left out.
    Sparse {
        /// The sparse vector attribute.
        attribute: AttributeName,
        /// Dimensions with their weights, none twice; every weight is finite.
        weights: Vec<(u32, f32)>,
    },
    /// By attributes, the first first; then by id. Null comes first ascending, last descending.
    Order(Vec<(AttributeName, Direction)>),
    /// By score, the highest first, then by id; rows without one are left out.
    Score(Score),
    /// By id, ascending.
    Id,
}

/// How well a row fits, at least 0.
#[derive(Debug, Clone, PartialEq)]
pub enum Score {
    /// How well the text of an attribute fits, by BM25 over the rows that the view sees.
    Bm25(TextMatch),
    /// The sum.
    Sum(Vec<Score>),
    /// The largest.
    Max(Vec<Score>),
    /// So many times as much; the factor is finite and at least 0.
    Product(f64, Box<Score>),
    /// 1 where the filter is met, else 0.
    Filter(Filter),
}

/// Text to be found in an attribute that has full-text search.
#[derive(Debug, Clone, PartialEq)]
pub struct TextMatch {
    /// The attribute.
    pub attribute: AttributeName,
    /// What is looked for.
    pub input: TextInput,
    /// Whether what starts with the last token is found too.
    pub last_as_prefix: bool,
}

/// Text as it was given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TextInput {
    /// Text that is cut into tokens.
    Text(String),
    /// Texts one after the other; the tokens themselves where the attribute is tokenized already.
    Tokens(Vec<String>),
}

/// Which of the tokens a text must hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenRule {
    /// All of them.
    All,
    /// At least one.
    Any,
    /// All of them, one right after the other.
    Sequence,
}

/// A direction of an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// Smallest first.
    Ascending,
    /// Largest first.
    Descending,
}

/// Which rows count. `id` is an attribute like any other.
#[derive(Debug, Clone, PartialEq)]
pub enum Filter {
    /// All of them; true where there is none.
    And(Vec<Filter>),
    /// At least one of them; false where there is none.
    Or(Vec<Filter>),
    /// Not so.
    Not(Box<Filter>),
    /// Compares an attribute with a value. `Eq` null = the attribute is missing; `Lt` and `Lte` also
    /// match missing values.
    Compare {
        /// The attribute.
        attribute: AttributeName,
        /// How.
        comparison: Comparison,
        /// With what.
        value: Value,
    },
    /// Whether an attribute has one of the values; for arrays: shares one with them.
    In {
        /// The attribute.
        attribute: AttributeName,
        /// The values; null among them matches a missing value.
        values: Vec<Value>,
        /// Not in.
        negated: bool,
    },
    /// Whether an array has an element that is `value`. Null is no element.
    Contains {
        /// The attribute.
        attribute: AttributeName,
        /// One value; with `any` an array of them, of which one is enough.
        value: Value,
        /// Whether `value` is an array.
        any: bool,
        /// No such element; also where the array is missing.
        negated: bool,
    },
    /// Whether an array has an element that compares so with a value. Nothing compares with null.
    AnyElement {
        /// The attribute.
        attribute: AttributeName,
        /// How.
        comparison: Comparison,
        /// With what.
        value: Value,
    },
    /// Whether text, or an element of an array of texts, matches a pattern.
    Matches {
        /// The attribute.
        attribute: AttributeName,
        /// The pattern.
        pattern: Pattern,
        /// Nothing matches; also where the value is missing.
        negated: bool,
    },
    /// Whether a text holds tokens; true where there is none to hold, except for [`TokenRule::Any`].
    Tokens {
        /// Which of them.
        rule: TokenRule,
        /// The tokens, and where.
        tokens: TextMatch,
    },
}

/// What text must look like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern {
    /// How `text` is to be read.
    pub syntax: Syntax,
    /// The pattern as it was written.
    pub text: Arc<str>,
}

/// How a pattern is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Syntax {
    /// `*`, `?`, `[a-z]`, `[!a]`, `{a,b}`, `**/`; it describes the whole text.
    Glob,
    /// The same, upper and lower case being equal.
    CaseInsensitiveGlob,
    /// A regular expression without look-around and back-references; it is found anywhere in the text.
    Regex,
}

/// A comparison with a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Comparison {
    /// Equal.
    Eq,
    /// Not equal; also where the value is missing.
    NotEq,
    /// Less.
    Lt,
    /// Less or equal.
    Lte,
    /// Greater.
    Gt,
    /// Greater or equal.
    Gte,
}

/// Which attributes the answer's rows bring along.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Include {
    /// Only the id.
    Nothing,
    /// All attributes.
    All,
    /// These.
    Only(Vec<AttributeName>),
    /// All but these.
    Except(Vec<AttributeName>),
}

/// At most so many rows that are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PerLimit {
    /// Rows with the same values of these are of one kind; null is a value like others.
    pub attributes: Vec<AttributeName>,
    /// How many rows.
    pub limit: usize,
}

/// An aggregate over the rows that pass the filter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Aggregate {
    /// How many rows.
    Count,
    /// How many rows have the attribute.
    CountOf(AttributeName),
    /// The sum of a number's values; null adds nothing.
    Sum(AttributeName),
}

/// What rows are grouped by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupBy {
    /// The parts of a group's key, by label.
    pub keys: Vec<(String, GroupKey)>,
    /// How many groups are answered, the first by key; null comes first.
    pub limit: usize,
}

/// One part of a group's key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GroupKey {
    /// The value of an attribute that is no array; null is a value like others.
    Value(AttributeName),
    /// Each different element of an array: a row is in as many groups, and in none without an element.
    EachElement(AttributeName),
}

/// How one answer is made from those of several queries.
#[derive(Debug, Clone, PartialEq)]
pub struct Fusion {
    /// The higher, the less the first ranks count above the others. At least 1.
    pub rank_constant: u32,
    /// What an answer counts, in the queries' order; 1 where there is none.
    pub weights: Vec<f64>,
    /// How many rows are answered.
    pub limit: usize,
    /// How many of the first rows are left out.
    pub offset: usize,
}

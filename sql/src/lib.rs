//! SQL over the views and the search of `isobath-query`.
//!
//! ```text
//! text ─parse─▶ Statement ─bind─▶ pin views ─plan─▶ AnnRule ─▶ run on threads of its own ─▶ batches
//! ```
//!
//! - Every namespace is a table. A statement sees one snapshot of all that it names.
//! - `ORDER BY distance LIMIT k` is a search of the index where that means the same; else it is computed from
//!   all rows, and EXPLAIN says why.
//! - Nothing is accepted that is not carried out: what is not there is refused by its name.

mod catalog;
mod columns;
mod effort;
mod engine;
mod error;
mod explain;
mod functions;
mod parameter;
mod plan;
mod planner;
mod rows;
mod run;
mod search;
mod session;
mod settings;
mod source;

mod statement;
mod system;
pub mod wire;
mod write;

pub use columns::{SQL_TYPE, sql_type};
pub use engine::{SqlEngine, SqlLimits};
pub use error::{SqlError, SqlErrorKind};
pub use parameter::Parameter;
pub use rows::JsonRows;
pub use run::RowStream;
pub use session::{Described, Opened, Outcome, Scope, Session};
pub use settings::Settings;
pub use source::{Freshness, Source, Writer, Written};
pub use statement::Statement;
pub use write::{TableExistence, TableWrite, WriteGuard};

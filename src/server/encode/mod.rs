//! From what an engine answers to JSON.

mod aggregates;
mod answer;
mod arrow;
mod recalled;
mod row;
mod schema;
mod value;
mod written;

pub(crate) use answer::{AnswerJson, Timing, path};
pub(crate) use arrow::arrow_stream;
pub(crate) use recalled::RecalledJson;
pub(crate) use schema::{metadata_json, schema_json};
pub(crate) use written::WrittenJson;

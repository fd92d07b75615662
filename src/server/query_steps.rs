//! [`QuerySteps`]: what becomes of a query's body, step by step, for callers in the same process.

use super::{
    EngineError, EngineErrorKind, Queried, QueryCommand,
    decode::{DecodedQuery, decode_query},
    encode::{AnswerJson, Timing},
};
use std::time::Duration;

/// A query that was read from a body; what lies between its reading and its answer is the caller's.
#[derive(Debug)]
pub struct QuerySteps(DecodedQuery);

impl QuerySteps {
    /// Reads the body of a query.
    pub fn read(body: &[u8]) -> Result<Self, EngineError> {
        let decoded = decode_query(body);
        let invalid = |fault| EngineError::new(EngineErrorKind::Invalid, format!("{fault}"));
        decoded.map(Self).map_err(invalid)
    }

    /// What an engine is to be asked.
    pub fn command(&self) -> QueryCommand {
        QueryCommand {
            queries: self.0.asked.iter().map(|one| one.query.clone()).collect(),
            fusion: self.0.fusion.clone(),
        }
    }

    /// The body of the answer.
    pub fn answer(&self, queried: &Queried) -> Result<Vec<u8>, EngineError> {
        let timing = Timing {
            total: Duration::ZERO,
            execution: Duration::ZERO,
        };
        let answer = serde_json::to_vec(&AnswerJson::new(&self.0, queried, timing));
        answer.map_err(|error| {
            EngineError::new(EngineErrorKind::Internal, "no answer can be written").caused_by(error)
        })
    }
}

//! [`ProbeReport`]: what a store can do, in words.

use crate::store::StoreError;
use std::fmt;

/// What a probe found out about a store.
#[derive(Debug)]
pub struct ProbeReport {
    /// The store, without secrets.
    pub url: String,
    /// Every question that was asked, in order.
    pub checks: Vec<Check>,
}

/// A question and its answer.
#[derive(Debug)]
pub struct Check {
    /// What the store should do, as a verb with its object.
    pub name: &'static str,
    /// Whether it does.
    pub outcome: Outcome,
}

/// Whether a store does what it should.
#[derive(Debug)]
pub enum Outcome {
    /// It does.
    Works,
    /// It does, but there is something that the operator should know.
    Weak(String),
    /// It does not; what it did instead.
    Missing(String),
    /// No answer.
    Failed(StoreError),
}

impl ProbeReport {
    /// Whether the store can carry a log; if not, the first error, or all that is missing.
    pub fn verdict(self) -> Result<(), StoreError> {
        let mut missing = Vec::new();
        for check in self.checks {
            match check.outcome {
                Outcome::Works | Outcome::Weak(_) => {}
                Outcome::Missing(what) => missing.push(format!("{}: {what}", check.name)),
                Outcome::Failed(error) => return Err(error),
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        Err(StoreError::Incapable {
            url: self.url,
            missing: missing.join("; "),
        })
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.outcome {
            Outcome::Works => write!(f, "ok       {}", self.name),
            Outcome::Weak(what) => write!(f, "warning  {}: {what}", self.name),
            Outcome::Missing(what) => write!(f, "MISSING  {}: {what}", self.name),
            Outcome::Failed(error) => write!(f, "FAILED   {}: {error}", self.name),
        }
    }
}

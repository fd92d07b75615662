//! [`AuditRecord`]: who changed what.

use crate::model::{Namespace, Region, format_datetime};
use serde::{Serialize, Serializer};

/// Who changed what. Holds no values and no ids of rows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditRecord {
    /// When it was committed, by its segment, in milliseconds since 1970; where that is not known, when it was asked
    /// for.
    #[serde(rename = "time", serialize_with = "time")]
    pub at_ms: u64,
    /// The region that committed it.
    pub region: Region,
    /// The API key that was used; none where there are no keys.
    pub key: Option<String>,
    /// What was changed; none in a note about dropped records.
    pub namespace: Option<Namespace>,
    /// What was done, comma-separated: `upsert`, `patch`, `delete`, `delete_by_filter`, `create_key`, …
    pub kind: String,
    /// The API key that was made or revoked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// How many rows were changed, or records dropped.
    pub rows: u64,
    /// The position after it.
    pub token: Option<String>,
    /// Whether it took effect.
    pub outcome: AuditOutcome,
}

/// Whether what a record says took effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum AuditOutcome {
    /// It is in the log.
    Committed,
    /// It may be in the log or not: the store did not say.
    Unknown,
    /// So many records are missing.
    Dropped,
}

impl AuditRecord {
    /// Says that `records` records are missing that were to be stored before `at_ms`.
    pub(super) fn dropped(at_ms: u64, region: Region, records: u64) -> Self {
        Self {
            at_ms,
            region,
            key: None,
            namespace: None,
            kind: "dropped".to_owned(),
            subject: None,
            rows: records,
            token: None,
            outcome: AuditOutcome::Dropped,
        }
    }

    /// Appends the record as a line.
    pub(super) fn write_to(&self, lines: &mut Vec<u8>) -> Result<(), serde_json::Error> {
        serde_json::to_writer(&mut *lines, self)?;
        lines.push(b'\n');
        Ok(())
    }
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands fields over by reference"
)]
fn time<S: Serializer>(ms: &u64, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&format_datetime(i64::try_from(*ms).unwrap_or(i64::MAX)))
}

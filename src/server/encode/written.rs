//! [`WrittenJson`]: what a write did, as JSON.

use super::{answer::millis, value::IdJson};
use crate::server::engine::Written;
use isobath_storage::{
    log::Affected,
    model::{Counts, Id, Region, format_datetime},
};
use serde::Serialize;
use std::time::Duration;

/// What a write did, as the API writes it.
#[derive(Debug, Serialize)]
pub(crate) struct WrittenJson<'a> {
    status: &'static str,
    message: &'static str,
    rows_affected: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_upserted: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_patched: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rows_deleted: Option<u64>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    rows_remaining: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    upserted_ids: Vec<IdJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    patched_ids: Vec<IdJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    deleted_ids: Vec<IdJson<'a>>,
    billing: BillingJson,
    performance: PerformanceJson,
    #[serde(skip_serializing_if = "Option::is_none")]
    replicated_to: Option<&'a [Region]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    committed_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

#[derive(Debug, Serialize)]
struct BillingJson {
    billable_logical_bytes_written: u64,
}

#[derive(Debug, Serialize)]
struct PerformanceJson {
    server_total_ms: u64,
}

impl<'a> WrittenJson<'a> {
    /// The answer to a write of `bytes` bytes that took `total`.
    pub(crate) fn new(written: &'a Written, bytes: u64, total: Duration) -> Self {
        let ids = |kind: fn(&'a Affected) -> &'a Vec<Id>| {
            let affected = written.affected.as_deref().into_iter();
            affected.flat_map(|a| kind(a).iter().map(IdJson)).collect()
        };
        let committed = i64::try_from(written.committed_at_ms).unwrap_or(i64::MAX);
        Self {
            committed_at: Some(format_datetime(committed)),
            token: Some(written.token.to_string()),
            replicated_to: written.replicated_to.as_deref(),
            upserted_ids: ids(|affected| &affected.upserted),
            patched_ids: ids(|affected| &affected.patched),
            deleted_ids: ids(|affected| &affected.deleted),
            ..Self::counted("the write is durable", written.counts, bytes, total)
        }
    }

    /// The answer to a write whose lists were empty.
    pub(crate) fn nothing(total: Duration) -> Self {
        Self::counted("there was nothing to write", Counts::default(), 0, total)
    }

    fn counted(message: &'static str, counts: Counts, bytes: u64, total: Duration) -> Self {
        Self {
            status: "OK",
            message,
            rows_affected: counts.affected(),
            rows_upserted: counts.upserted,
            rows_patched: counts.patched,
            rows_deleted: counts.deleted,
            rows_remaining: counts.remaining,
            upserted_ids: vec![],
            patched_ids: vec![],
            deleted_ids: vec![],
            billing: BillingJson {
                billable_logical_bytes_written: bytes,
            },
            performance: PerformanceJson {
                server_total_ms: millis(total),
            },
            replicated_to: None,
            committed_at: None,
            token: None,
        }
    }
}

//! [`verify`]: reads every object of a bucket that anything refers to, and says which are damaged or missing.
//!
//! 1. The listing: what is there.
//! 2. The marker, floors and pins.
//! 3. Every checkpoint with its maps and runs.
//! 4. Every manifest; of those that a checkpoint refers to or that are the newest, parts and deletion vectors.
//! 5. The indexes of these parts: each file that a description names.
//! 6. Every log: contiguous from its floor, each segment whole, epochs and the running hash at every checkpoint.
//! 7. The state after all logs, whose digest is told.

mod checkpoints;
mod fetch;
mod indexes;
mod listing;
mod logs;
mod manifests;
mod report;
#[cfg(test)]
mod tests;

pub use report::{Finding, Report};

use crate::state::{Moment, OpenParts, StateError};
use fetch::Fetch;
use isobath_storage::{
    error::ErrorKind,
    store::keys::{AnyKey, Key, MarkerKey},
};
use listing::Listing;
use object_store::ObjectStore;
use std::{fmt::Write, sync::Arc};

/// Reads and checks everything in the bucket in `store` that is referred to. Damage is reported; what fails is the
/// store, or an object that only a newer program can read. `now_ms` is the wall clock: expired pins hold nothing.
pub async fn verify(
    store: &Arc<dyn ObjectStore>,
    parts: &dyn OpenParts,
    now_ms: u64,
) -> Result<Report, StateError> {
    let mut report = Report::default();
    let listing = Listing::read(store, &mut report).await?;
    let fetch = Fetch::new(store);
    if !listing.has(&AnyKey::Marker(MarkerKey)) {
        report.note(
            &MarkerKey.path(),
            "is not there: a copy, not a region's bucket",
        );
    }
    let checkpoints = checkpoints::check(&fetch, &listing, now_ms, &mut report).await?;
    let reachable = manifests::check(&fetch, &listing, &checkpoints, &mut report).await?;
    indexes::check(&fetch, &listing, &reachable, &mut report).await?;
    logs::check(&fetch, &listing, &checkpoints, &mut report).await?;
    if report.damaged.is_empty() {
        digest(store, parts, &mut report).await?;
    }
    report.damaged.sort();
    report.damaged.dedup();
    Ok(report)
}

/// Folds everything, which shows damage that no single object shows.
async fn digest(
    store: &Arc<dyn ObjectStore>,
    parts: &dyn OpenParts,
    report: &mut Report,
) -> Result<(), StateError> {
    let read = async {
        let moment = Moment::open(Arc::clone(store), None).await?;
        moment.digest(parts, |_| true).await
    };
    match read.await {
        Ok(digest) => report.digest = Some(digest),
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            report.damage("the state", text(&error));
        }
        Err(StateError::NotCovered { log, floor }) => {
            let what = format!("segments up to {floor} are gone, and no checkpoint holds them");
            report.damage(&format!("log/{log}"), what);
        }
        Err(error) => return Err(error),
    }
    Ok(())
}

/// An error with its causes.
fn text(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // writing to a string does not fail
        write!(text, ": {cause}").ok();
        source = cause.source();
    }
    text
}

//! The machine's clock against the store's.

use super::report::Report;
use anyhow::Context as _;
use isobath_storage::{
    Clock as _, SystemClock,
    store::{
        Store,
        keys::{Key as _, ProbeKey},
    },
};
use object_store::{ObjectStoreExt as _, PutPayload};
use uuid::Uuid;

/// Milliseconds by which the clocks may differ: times are whole seconds, and a request takes one.
const ALLOWED_MS: u64 = 3_000;

/// Milliseconds from which stamps of other regions would beat later ones of this.
const BAD_MS: u64 = 60_000;

/// Compares the time that the store gives a fresh object with this machine's.
pub(super) async fn check(store: &Store, run: Uuid, report: &mut Report) -> anyhow::Result<()> {
    let (store_ms, own_ms) = match times(store, run).await {
        Ok(times) => times,
        Err(error) => return report.bad(error.context("cannot compare the clocks")),
    };
    let apart = store_ms.abs_diff(own_ms);
    let seconds = apart / 1_000;
    if apart <= ALLOWED_MS {
        return report.good("the clock agrees with the store's");
    }
    let text = format!("the clock is {seconds} s away from the store's");
    if apart < BAD_MS {
        return report.note(text);
    }
    report.bad(anyhow::anyhow!(text))
}

/// The time of a fresh object by the store and by this machine.
async fn times(store: &Store, run: Uuid) -> anyhow::Result<(u64, u64)> {
    let path = ProbeKey { run, n: u64::MAX }.path();
    store
        .data
        .put(&path, PutPayload::from_static(b"clock"))
        .await?;
    let own_ms = SystemClock.now_ms();
    let head = store.data.head(&path).await;
    store.data.delete(&path).await?;
    let store_ms = head?.last_modified.timestamp_millis();
    let store_ms = u64::try_from(store_ms).context("the store's time is before 1970")?;
    Ok((store_ms, own_ms))
}

//! The logs of the bucket: how far they go, and who claimed them.

use super::{super::bucket, report::Report};
use isobath_storage::store::Store;

/// Says how far each log goes.
pub(super) async fn check(store: &Store, report: &mut Report) -> anyhow::Result<()> {
    let logs = match bucket::logs(store).await {
        Ok(logs) => logs,
        Err(error) => return report.bad(error.context("cannot list the logs")),
    };
    if logs.is_empty() {
        return report.note("there is no log yet");
    }
    for (log, objects) in logs {
        let claim = objects.claims.last();
        let claim = claim.map_or("unclaimed".to_owned(), |epoch| {
            format!("claimed last in epoch {}", epoch.0)
        });
        let Some((first, last)) = objects.ends() else {
            report.note(format!("log {log} is empty, {claim}"))?;
            continue;
        };
        let (first, last) = (first.0, last.0);
        let size = indicatif::HumanBytes(objects.bytes());
        report.good(format!(
            "log {log} holds segments {first} to {last}, {size}, {claim}"
        ))?;
        if objects.gaps() > 0 {
            let gaps = objects.gaps();
            report.note(format!(
                "log {log} lacks {gaps} segments between them: creates in flight, or fenced off"
            ))?;
        }
    }
    Ok(())
}

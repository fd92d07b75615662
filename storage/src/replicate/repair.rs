//! [`Repair`]: copies that were made and are missing are made again.

use super::{adopted::Adopted, relay::copy};
use crate::{
    catalog::Floors,
    log::{Fault, Segments},
    model::Seq,
};
use std::collections::BTreeSet;

/// Compares the copies in a bucket with what was copied.
#[derive(Debug, Clone)]
pub(super) struct Repair {
    pub(super) source: Segments,
    pub(super) target: Segments,
    pub(super) adopted: Adopted,
    /// Those of the target: what it deleted itself stays deleted.
    pub(super) floors: Floors,
}

/// What a pass did.
#[derive(Debug, Default)]
pub(super) struct Repaired {
    /// Copies made.
    pub(super) copied: u64,
    /// A segment that could not be copied, and why.
    pub(super) fault: Option<(Seq, Fault)>,
}

impl Repair {
    /// Makes again what is missing above the target's floor and up to `held`.
    pub(super) async fn run(&self, held: Seq) -> Repaired {
        let floor = self.floors.find().await;
        let there: BTreeSet<Seq> = self.target.all_after(floor.seq).await.into_iter().collect();
        let mut repaired = Repaired::default();
        for seq in (floor.seq.next().0..=held.0).map(Seq) {
            if there.contains(&seq) {
                continue;
            }
            // A floor may have risen since: what it covers is not missing.
            if self.floors.newest(floor).await.seq >= seq {
                continue;
            }
            let read = match self.source.read(seq).await {
                Some(Ok(read)) => read,
                Some(Err(fault)) => {
                    repaired.fault = Some((seq, fault));
                    continue;
                }
                // The origin has deleted it, too: whoever needs it starts from a checkpoint.
                None => continue,
            };
            match copy(&self.target, &self.adopted, &read).await {
                Ok(created) => repaired.copied += u64::from(created),
                Err(fault) => repaired.fault = Some((seq, fault)),
            }
        }
        repaired
    }
}

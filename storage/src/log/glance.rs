//! [`Glance`]: proof for a strong read without the log's task.

use crate::model::{LogId, Seq};
use crate::store::keys::{Key, SegmentKey};
use crate::store::Look;

/// Finds the tail of a log by one look at its store, where all that is applied reaches up to the tail.
///
/// ```text
///   … ✓ applied │ empty        every write that was acked by now lies in a slot below the empty one:
///               └ looked at    an ack needs all slots before its own to be taken
/// ```
#[derive(Debug, Clone)]
pub(super) struct Glance {
    look: Look,
    log: LogId,
}

impl Glance {
    pub(super) fn new(look: Look, log: LogId) -> Self {
        Self { look, log }
    }

    /// `applied`, if no segment comes after it at some moment of this call.
    pub(super) fn at_tail_after(&self, applied: Seq) -> Option<Seq> {
        let seq = applied.next();
        let path = SegmentKey { log: self.log, seq }.path();
        self.look.is_missing(&path).then_some(applied)
    }
}

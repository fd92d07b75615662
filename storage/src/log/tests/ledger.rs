//! [`Ledger`]: a sink that remembers which writes it was shown, and checks their order.

use crate::log::{Committed, Resolution, Sink};
use crate::model::{Epoch, Hlc, IdempotencyKey, Namespace, Request, Segment, Seq, Stamp};
use parking_lot::Mutex;
use std::{collections::BTreeMap, sync::Arc};

/// The writes that a process has applied, in order.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) applied: Vec<(Seq, IdempotencyKey)>,
    known: BTreeMap<IdempotencyKey, Committed>,
    /// Resolved and not applied.
    foreseen: BTreeMap<IdempotencyKey, Committed>,
    last: (Seq, Epoch, Hlc),
}

impl Ledger {
    pub(super) fn holds(&self, key: IdempotencyKey) -> bool {
        self.known.contains_key(&key)
    }
}

/// A handle on a ledger, for the log and for the test.
#[derive(Debug, Clone, Default)]
pub(super) struct SharedLedger(pub(super) Arc<Mutex<Ledger>>);

impl Sink for SharedLedger {
    type Terms = ();

    fn resolve(
        &mut self,
        _: &Namespace,
        request: &mut Request,
        (): (),
        stamp: Stamp,
    ) -> Resolution {
        let mut ledger = self.0.lock();
        let repeated = ledger
            .known
            .get(&request.key)
            .or(ledger.foreseen.get(&request.key));
        if let Some(committed) = repeated {
            return Resolution::Done(committed.clone());
        }
        request.counts.deleted = Some(request.len() as u64);
        let committed = Committed {
            stamp,
            counts: request.counts,
            affected: None,
        };
        ledger.foreseen.insert(request.key, committed);
        Resolution::Apply(None)
    }

    fn apply(&mut self, segment: Arc<Segment>) {
        let mut ledger = self.0.lock();
        let header = &segment.header;
        let (seq, epoch, hlc) = ledger.last;
        assert!(header.seq > seq, "{seq} then {}", header.seq);
        assert!(header.epoch >= epoch, "epochs fall at {}", header.seq);
        assert!(header.hlc_max > hlc, "time falls at {}", header.seq);
        ledger.last = (header.seq, header.epoch, header.hlc_max);
        for request in segment.blocks.iter().flat_map(|block| &block.requests) {
            let stamp = header.stamp(request.first_index);
            let committed = Committed {
                stamp,
                counts: request.counts,
                affected: None,
            };
            let twice = ledger.known.insert(request.key, committed);
            assert!(twice.is_none(), "write {} is applied twice", request.key);
            ledger.foreseen.remove(&request.key);
            ledger.applied.push((header.seq, request.key));
        }
    }

    fn discard(&mut self) {
        self.0.lock().foreseen.clear();
    }
}

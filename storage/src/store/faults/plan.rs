//! [`FaultPlan`]: which faults strike, and how often.

use crate::store::Op;
use std::time::Duration;

/// What goes wrong with one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The store answers 503 and does nothing.
    Refuse,
    /// The store does it, but its answer is lost.
    LoseReply,
    /// The caller's time runs out; after this long the store does it nevertheless.
    Late(Duration),
    /// The store answers 409 and does nothing; looks like [`object_store::Error::AlreadyExists`].
    Conflict,
    /// The store takes this long, then does it.
    Slow(Duration),
}

/// How often each fault strikes one kind of request: probabilities, which sum up to at most 1.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct FaultRates {
    /// Of [`Fault::Refuse`].
    pub refuse: f64,
    /// Of [`Fault::LoseReply`].
    pub lose_reply: f64,
    /// Of [`Fault::Late`]; writes only, reads are refused instead.
    pub late: f64,
    /// Of [`Fault::Conflict`]; conditional puts only, others are refused instead.
    pub conflict: f64,
    /// Of [`Fault::Slow`].
    pub slow: f64,
}

/// Which faults strike, and how often. The same seed and the same requests give the same faults.
#[derive(Debug, Clone, PartialEq)]
pub struct FaultPlan {
    /// Where all chance comes from.
    pub seed: u64,
    /// Faults of puts and copies.
    pub put: FaultRates,
    /// Faults of gets.
    pub get: FaultRates,
    /// Faults of listings.
    pub list: FaultRates,
    /// Faults of deletes.
    pub delete: FaultRates,
    /// The longest [`Fault::Late`].
    pub late_max: Duration,
    /// The longest [`Fault::Slow`].
    pub slow_max: Duration,
    /// Whether listings come in random order.
    pub shuffle_lists: bool,
}

impl FaultPlan {
    /// No fault but those asked for one by one; listings come in random order.
    pub fn quiet(seed: u64) -> Self {
        Self {
            seed,
            put: FaultRates::default(),
            get: FaultRates::default(),
            list: FaultRates::default(),
            delete: FaultRates::default(),
            late_max: Duration::from_secs(20),
            slow_max: Duration::from_secs(2),
            shuffle_lists: true,
        }
    }

    /// Every fault, often: three of ten puts and one of ten other requests.
    pub fn stormy(seed: u64) -> Self {
        let put = FaultRates {
            refuse: 0.06,
            lose_reply: 0.06,
            late: 0.06,
            conflict: 0.06,
            slow: 0.06,
        };
        let other = FaultRates {
            refuse: 0.05,
            slow: 0.05,
            ..FaultRates::default()
        };
        Self {
            put,
            get: other,
            list: other,
            delete: other,
            ..Self::quiet(seed)
        }
    }

    pub(super) fn rates(&self, op: Op) -> &FaultRates {
        match op {
            Op::Put | Op::Copy => &self.put,
            Op::Get => &self.get,
            Op::List => &self.list,
            Op::Delete => &self.delete,
        }
    }
}

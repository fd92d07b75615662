//! [`Rules`]: the rules of the protocol; tests switch them off one by one.

use super::Holder;
use crate::model::Epoch;

/// Which rules hold. Production has [`Rules::ALL`]; there is no other value outside tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one rule that a test switches off"
)]
pub struct Rules {
    /// After a create, ack only if the slot is above the newest floor.
    pub(super) check: bool,
    /// After fence and fill, go active only if nobody claimed a newer epoch.
    pub(super) validate: bool,
    /// A slot that holds my own bytes counts as my success.
    pub(super) own: bool,
    /// Ack slots in order, without a hole.
    pub(super) prefix: bool,
    /// The floor carries the highest epoch below it.
    pub(super) carry: bool,
    /// A claimant that meets a newer epoch while looking for the tail stops.
    pub(super) scan: bool,
    /// After its fence the owner fills the whole window with fences.
    pub(super) fill: bool,
    /// Readers skip a segment whose epoch is below the highest seen.
    pub(super) void: bool,
}

impl Rules {
    /// All rules: the protocol.
    pub const ALL: Self = Self {
        check: true,
        validate: true,
        own: true,
        prefix: true,
        carry: true,
        scan: true,
        fill: true,
        void: true,
    };

    /// What a claimant of epoch `mine` may conclude from `holder`.
    pub(super) fn judge(self, holder: Holder, mine: Epoch) -> Holder {
        match holder {
            Holder::Mine if !self.own => Holder::Other(mine),
            holder => holder,
        }
    }
}

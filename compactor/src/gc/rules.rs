//! [`Rules`]: the safety rules; tests switch them off one by one.

/// Which rules hold. Production has [`Rules::ALL`]; there is no other value outside tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one rule that a test switches off"
)]
pub(super) struct Rules {
    /// Floors stand on a checkpoint older than the retention, and it and all newer ones are kept.
    pub(super) retention: bool,
    /// No floor rises above what a member has.
    pub(super) acks: bool,
    /// What a snapshot holds stays.
    pub(super) pins: bool,
    /// Segments go only where a floor covers them already.
    pub(super) floor_first: bool,
    /// Segments go only where the floor that covers them is older than the grace.
    pub(super) grace: bool,
    /// A floor names the highest epoch below it.
    pub(super) carry: bool,
    /// Who might still refer to what goes loses its number first.
    pub(super) renumber: bool,
    /// A manifest stays for a day after it was superseded.
    pub(super) superseded: bool,
    /// Facts that took long to read are of no use: numbers may have been deleted and taken again meanwhile.
    pub(super) prompt: bool,
}

impl Rules {
    /// All rules.
    pub(super) const ALL: Self = Self {
        retention: true,
        acks: true,
        pins: true,
        floor_first: true,
        grace: true,
        carry: true,
        renumber: true,
        superseded: true,
        prompt: true,
    };
}

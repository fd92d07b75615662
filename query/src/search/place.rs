//! [`Place`]: where a row of a view is.

/// Where a row of a view is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// The row set, by its number in the view.
    pub(super) set: u32,
    /// The row in it.
    pub(super) row: u32,
}

/// A row with its distance from a query vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Near {
    pub(super) place: Place,
    pub(super) distance: f32,
}

//! [`Bug`]: mistakes that a simulation makes on purpose, to show that it would find them.

/// A mistake in how the parts of a region are put together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Bug {
    /// A write at two regions is acked when any bucket holds its segment, whether or not that holds those before it.
    ParallelCopies,
    /// A write is acked when its segment is closed, not when it and all before it are durable.
    AckOutOfOrder,
    /// A process starts above the floor without the checkpoint that covers what was below.
    NoFloorCheck,
    /// The owner of a log does not take note of the times of other logs.
    WallClock,
    /// A fold forgets deletions that not every member has seen.
    Resurrection,
    /// Copies that the bucket has deleted are made again.
    RepairBelowFloor,
    /// A read at another region does not wait for what its token names.
    TokenIgnored,
    /// Segments of another region are applied as they arrive.
    UnorderedApply,
    /// A compactor publishes a checkpoint up to where the logs are, not up to where they were applied.
    CheckpointAhead,
}

impl Bug {
    /// All of them.
    pub(crate) const ALL: [Self; 9] = [
        Self::ParallelCopies,
        Self::AckOutOfOrder,
        Self::NoFloorCheck,
        Self::WallClock,
        Self::Resurrection,
        Self::RepairBelowFloor,
        Self::TokenIgnored,
        Self::UnorderedApply,
        Self::CheckpointAhead,
    ];
}

//! [`Op`]: what a request asks of a store.

/// What a request asks of a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Op {
    /// Write an object, or a piece of one.
    Put,
    /// Read an object, a range of it or only its metadata.
    Get,
    /// List one page of keys.
    List,
    /// Delete an object.
    Delete,
    /// Copy an object within the bucket.
    Copy,
}

impl Op {
    /// Every operation.
    pub const ALL: [Self; 5] = [Self::Put, Self::Get, Self::List, Self::Delete, Self::Copy];

    /// Its name as a label of metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Put => "put",
            Self::Get => "get",
            Self::List => "list",
            Self::Delete => "delete",
            Self::Copy => "copy",
        }
    }
}

//! [`ErrorKind`]: what a caller can do about an error of this crate.

/// What a caller can do about an error; the only thing that it branches on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ErrorKind {
    /// The request or the settings are wrong: change them.
    Invalid,
    /// Something else was there first: look at it, then decide.
    Conflict,
    /// It is not there.
    NotFound,
    /// A passing trouble: try again. The operation may have taken effect.
    Unavailable,
    /// No space is left to write to: make some.
    Full,
    /// Bytes are not what was written: repair.
    Corrupt,
    /// Another owner took over: forward to it.
    Fenced,
    /// Everything else, missing rights included: a person has to look.
    Internal,
}

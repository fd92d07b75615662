//! The log of one (region, shard): ownership, commit, tail.

pub mod protocol;

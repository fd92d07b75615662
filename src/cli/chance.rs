//! Where chance enters the process.

use anyhow::Context as _;
use rand::{TryRng as _, rngs::SysRng};
use uuid::{Builder, Uuid};

/// An id that nobody else has.
pub(super) fn fresh_id() -> anyhow::Result<Uuid> {
    let seed = fresh_seed()?;
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&seed[..16]);
    Ok(Builder::from_random_bytes(bytes).into_uuid())
}

/// A seed that nobody else has.
pub(super) fn fresh_seed() -> anyhow::Result<[u8; 32]> {
    let mut seed = [0; 32];
    let filled = SysRng.try_fill_bytes(&mut seed);
    filled.context("the system has no random numbers")?;
    Ok(seed)
}

//! [`Memory`]: how many bytes all requests together may hold, and [`Lease`]: how many one holds.

use super::decode::Fault;
use parking_lot::Mutex;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Requests beyond this many KiB leave a share to the small ones.
const SMALL: usize = 1024;
/// The share of all memory, as a divisor, that only small requests may take.
const RESERVE: usize = 8;

/// How many bytes all requests together may hold.
#[derive(Debug, Clone)]
pub(crate) struct Memory {
    kib: Arc<Semaphore>,
    reserve: usize,
}

impl Memory {
    /// Memory of `bytes`.
    pub(crate) fn new(bytes: usize) -> Self {
        let kib = (bytes / 1024).min(Semaphore::MAX_PERMITS);
        Self {
            kib: Arc::new(Semaphore::new(kib)),
            reserve: kib / RESERVE,
        }
    }

    /// A lease of nothing, which may grow to `limit` bytes.
    pub(crate) fn lease(&self, limit: usize) -> Lease {
        Lease {
            memory: self.clone(),
            limit,
            taken: Mutex::new(Taken::default()),
        }
    }
}

/// What one request holds of the node's memory; gives it back when it is dropped.
#[derive(Debug)]
pub(crate) struct Lease {
    memory: Memory,
    limit: usize,
    taken: Mutex<Taken>,
}

#[derive(Debug, Default)]
struct Taken {
    bytes: usize,
    kib: usize,
    permit: Option<OwnedSemaphorePermit>,
}

impl Lease {
    /// Takes `bytes` more, before they are allocated. Never waits: what is half read would wait for what
    /// is half read.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Fault> {
        let mut taken = self.taken.lock();
        let bytes = taken.bytes.saturating_add(bytes);
        if bytes > self.limit {
            let text = "the values take more memory than one request may; send fewer rows";
            return Err(Fault::too_large(text));
        }
        let need = bytes.div_ceil(1024);
        let more = need.saturating_sub(taken.kib);
        if more > 0 {
            self.memory.grow(&mut taken, more, need)?;
        }
        taken.bytes = bytes;
        Ok(())
    }
}

impl Memory {
    fn grow(&self, taken: &mut Taken, more: usize, need: usize) -> Result<(), Fault> {
        let refused = || Fault::overloaded("the node's memory for requests is in use");
        let kept = if need > SMALL { self.reserve } else { 0 };
        if self.kib.available_permits() < more.saturating_add(kept) {
            return Err(refused());
        }
        let permits = u32::try_from(more).map_err(|_| refused())?;
        let permit = Arc::clone(&self.kib).try_acquire_many_owned(permits);
        let permit = permit.map_err(|_| refused())?;
        match &mut taken.permit {
            Some(taken) => taken.merge(permit),
            None => taken.permit = Some(permit),
        }
        taken.kib = need;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_a_share_for_small_requests() {
        let memory = Memory::new(64 << 20);
        let large = memory.lease(usize::MAX);
        large.take(50 << 20).unwrap();
        assert!(large.take(10 << 20).is_err());
        let small = memory.lease(usize::MAX);
        small.take(1 << 20).unwrap();
        assert!(small.take(10 << 20).is_err());
        drop(large);
        small.take(10 << 20).unwrap();
        drop(small);
        assert_eq!(memory.kib.available_permits(), 64 << 10);
    }

    #[test]
    fn should_hold_a_request_to_its_limit() {
        let memory = Memory::new(1 << 20);
        let lease = memory.lease(1000);
        lease.take(1000).unwrap();
        let fault = lease.take(1).unwrap_err();
        assert!(
            fault
                .to_string()
                .contains("more memory than one request may")
        );
        assert!(memory.lease(usize::MAX).take(usize::MAX).is_err());
    }
}

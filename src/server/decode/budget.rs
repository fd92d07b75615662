//! [`Budget`]: how much memory the values of one request may take.

use super::Fault;
use crate::server::memory::Lease;
use std::{cell::Cell, sync::Arc};

/// Bytes that are taken from the node's memory at once.
const STEP: usize = 256 * 1024;

/// How much memory the values of a request may take.
#[derive(Debug, Clone)]
pub(crate) enum Allowance {
    /// So many bytes.
    #[cfg(test)]
    Bytes(usize),
    /// What the request's lease yields.
    Lease(Arc<Lease>),
}

/// Bytes that the decoded values of one request may still take.
///
/// A small body can name many values: a row without an attribute that another row has still takes
/// its place in a column.
#[derive(Debug)]
pub(crate) struct Budget {
    /// Bytes that are taken already.
    left: Cell<usize>,
    lease: Option<Arc<Lease>>,
}

impl Budget {
    /// The budget of a request.
    pub(crate) fn new(allowance: Allowance) -> Self {
        let (left, lease) = match allowance {
            #[cfg(test)]
            Allowance::Bytes(bytes) => (bytes, None),
            Allowance::Lease(lease) => (0, Some(lease)),
        };
        Self {
            left: Cell::new(left),
            lease,
        }
    }

    /// Takes `bytes`, before they are allocated.
    pub(crate) fn take(&self, bytes: usize) -> Result<(), Fault> {
        if let Some(left) = self.left.get().checked_sub(bytes) {
            self.left.set(left);
            return Ok(());
        }
        let Some(lease) = &self.lease else {
            let text = "the values take more memory than one request may; send fewer rows";
            return Err(Fault::too_large(text));
        };
        let missing = bytes - self.left.get();
        let step = missing.max(STEP.min(bytes.saturating_mul(64)));
        lease.take(step)?;
        self.left.set(step - missing);
        Ok(())
    }
}

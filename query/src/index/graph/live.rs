//! [`Live`]: the graph while threads are building it.

use parking_lot::{Mutex, MutexGuard};
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use super::{NONE, Neighbours};
use crate::index::prefetch::prefetch;

const LOCKS: usize = 4_096;

/// Neighbours that readers load one by one while writers hold a lock. A reader may see a list half old and
/// half new: every id in it is or was a neighbour, which is all that a walk needs.
pub(super) struct Live {
    stride: usize,
    adjacency: Vec<AtomicU32>,
    locks: Vec<Mutex<()>>,
}

impl Live {
    pub(super) fn new(nodes: usize, stride: usize) -> Self {
        let empty = || AtomicU32::new(NONE);
        Self {
            stride,
            adjacency: std::iter::repeat_with(empty).take(nodes * stride).collect(),
            locks: (0..LOCKS.min(nodes)).map(|_| Mutex::new(())).collect(),
        }
    }

    fn row(&self, node: u32) -> &[AtomicU32] {
        &self.adjacency[node as usize * self.stride..][..self.stride]
    }

    pub(super) fn lock(&self, node: u32) -> MutexGuard<'_, ()> {
        self.locks[node as usize % self.locks.len()].lock()
    }

    /// Replaces the content of `out` by the neighbours of `node`.
    pub(super) fn read(&self, node: u32, out: &mut Vec<u32>) {
        out.clear();
        self.each(node, |id| out.push(id));
    }

    /// Sets the neighbours; what does not fit is left out.
    pub(super) fn write(&self, node: u32, ids: &[u32]) {
        for (slot, at) in self.row(node).iter().zip(0..) {
            slot.store(ids.get(at).copied().unwrap_or(NONE), Relaxed);
        }
    }

    /// Adds a neighbour behind the first `len`.
    pub(super) fn append(&self, node: u32, len: usize, id: u32) {
        if let Some(slot) = self.row(node).get(len) {
            slot.store(id, Relaxed);
        }
    }

    /// The first `degree` neighbours of every node.
    pub(super) fn freeze(&self, degree: usize) -> Vec<u32> {
        let rows = self.adjacency.chunks_exact(self.stride);
        let ids = rows.flat_map(|row| &row[..degree]);
        ids.map(|id| id.load(Relaxed)).collect()
    }
}

impl Neighbours for Live {
    fn nodes(&self) -> usize {
        self.adjacency.len() / self.stride
    }

    fn stride(&self) -> usize {
        self.stride
    }

    #[inline(always)]
    fn each(&self, node: u32, f: impl FnMut(u32)) {
        let ids = self.row(node).iter().map(|id| id.load(Relaxed));
        ids.take_while(|id| *id != NONE).for_each(f);
    }

    fn prefetch(&self, node: u32) {
        prefetch(self.row(node));
    }
}

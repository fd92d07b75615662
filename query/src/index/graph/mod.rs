//! [`Graph`]: the neighbours of every node at a fixed stride, and where searches enter.
//!
//! A Vamana graph built in one pass over the codes, never on raw vectors: eight times cheaper at equal recall.

mod build;
mod live;
mod order;
mod prune;
mod repair;
mod store;
mod walk;

pub(super) use build::GraphParams;
pub use walk::Scratch;
pub(super) use walk::{Effort, Walk};

use super::{buffer::Buffer, prefetch::prefetch};

/// Ends a node's neighbours where it has fewer than the degree.
const NONE: u32 = u32::MAX;

/// A finished graph, owned or mapped.
#[derive(Debug)]
pub(super) struct Graph {
    nodes: usize,
    degree: usize,
    /// nodes · degree ids, [`NONE`] where a node has fewer. A damaged file may hold any number.
    adjacency: Buffer<u32>,
    /// The sample that a search scans for its starts; all below `nodes`.
    entries: Buffer<u32>,
}

impl Graph {
    pub(super) fn view(&self) -> GraphView<'_> {
        GraphView {
            nodes: self.nodes,
            degree: self.degree,
            adjacency: self.adjacency.as_slice(),
        }
    }

    /// The nodes that a search scans for its starts.
    pub(super) fn entries(&self) -> &[u32] {
        self.entries.as_slice()
    }

    /// Neighbours per node on average.
    pub(super) fn mean_degree(&self) -> f32 {
        let ids = self.adjacency.as_slice();
        let edges = ids.iter().filter(|id| **id != NONE).count();
        edges as f32 / self.nodes.max(1) as f32
    }
}

/// Where a walk finds neighbours: a finished graph or one under construction.
pub(super) trait Neighbours {
    /// The number of nodes.
    fn nodes(&self) -> usize;
    /// The most neighbours of a node.
    fn stride(&self) -> usize;
    /// Calls `f` with every neighbour of `node`.
    fn each(&self, node: u32, f: impl FnMut(u32));
    /// Asks for the neighbours of a node that is likely to come next.
    fn prefetch(&self, node: u32);
}

/// [`Graph`] with its slice at hand.
#[derive(Debug, Clone, Copy)]
pub(super) struct GraphView<'a> {
    nodes: usize,
    degree: usize,
    adjacency: &'a [u32],
}

impl<'a> GraphView<'a> {
    #[inline(always)]
    fn row(&self, node: u32) -> &'a [u32] {
        &self.adjacency[node as usize * self.degree..][..self.degree]
    }
}

impl Neighbours for GraphView<'_> {
    fn nodes(&self) -> usize {
        self.nodes
    }

    fn stride(&self) -> usize {
        self.degree
    }

    #[inline(always)]
    fn each(&self, node: u32, f: impl FnMut(u32)) {
        let ids = self.row(node).iter().copied();
        ids.take_while(|id| *id != NONE).for_each(f);
    }

    #[inline(always)]
    fn prefetch(&self, node: u32) {
        prefetch(self.row(node));
    }
}

#[cfg(test)]
mod tests;

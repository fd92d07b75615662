//! [`Unfolded`]: a block of a segment that no part covers yet.

use super::Installed;
use isobath_storage::model::{Adoption, Block, Hlc, Namespace, Segment, Stamp, VersionVector};
use std::sync::Arc;

/// A block of a segment that no part covers yet.
#[derive(Debug, Clone)]
pub struct Unfolded {
    segment: Arc<Segment>,
    block: usize,
}

impl Unfolded {
    /// Block number `block` of a segment.
    pub fn new(segment: Arc<Segment>, block: usize) -> Self {
        Self { segment, block }
    }

    /// Whether whoever has seen that much has seen the block.
    pub fn is_covered(&self, seen: &VersionVector) -> bool {
        let header = &self.segment.header;
        header.seq <= seen.get(header.log)
    }

    /// How many bytes its rows take, more or less.
    pub fn memory(&self) -> u64 {
        let requests = self.block().map_or(&[][..], |block| &block.requests);
        let mutations = requests.iter().flat_map(|request| &request.mutations);
        mutations.map(|mutation| mutation.memory() as u64).sum()
    }

    /// The segment.
    pub fn segment(&self) -> &Segment {
        &self.segment
    }

    /// The block; `None` cannot be: it was there when it was applied.
    pub fn block(&self) -> Option<&Block> {
        self.segment.blocks.get(self.block)
    }

    /// What the block adopts, if it does, with the record's stamp.
    pub fn adoption(&self) -> Option<(Stamp, &Adoption)> {
        let (index, adoption) = self.block()?.adoption()?;
        Some((self.segment.header.stamp(index), adoption))
    }
}

/// What a fold starts from.
#[derive(Debug, Clone)]
pub struct FoldInput {
    /// The namespace at its manifest; where it adopted parts since, those instead of the manifest's.
    pub installed: Installed,
    /// What was applied since, in log order; from the adoption on where there is one.
    pub blocks: Vec<Unfolded>,
    /// What the parts and the blocks together hold of each log.
    pub seen: VersionVector,
    /// When the last write was committed.
    pub last_write: Hlc,
}

/// Parts that a namespace is to adopt, and that have to be fetched first.
#[derive(Debug, Clone)]
pub struct Lacking {
    /// The namespace.
    pub namespace: Namespace,
    /// The stamp of the record.
    pub stamp: Stamp,
    /// What it names.
    pub adoption: Adoption,
}

//! A graph as a file: a line of numbers, the entries and the neighbours.

use std::path::Path;

use super::Graph;
use crate::index::{
    IndexError,
    buffer::Buffer,
    file::{self, FileRef, Kind, Stored},
    params::MAX_DEGREE,
    pool::MAX_NODES,
};

impl Graph {
    /// Creates the file in `dir`.
    pub(in crate::index) fn create(&self, dir: &Path) -> Result<FileRef, IndexError> {
        let entries = self.entries.as_slice();
        let numbers = [self.nodes as u64, self.degree as u64, entries.len() as u64];
        let sections = [
            bytemuck::cast_slice(&numbers),
            bytemuck::cast_slice(entries),
            bytemuck::cast_slice(self.adjacency.as_slice()),
        ];
        file::create(dir, Kind::Graph, &sections)
    }

    /// Takes a graph of `nodes` nodes from a mapped file.
    pub(in crate::index) fn open(stored: &mut Stored, nodes: usize) -> Result<Self, IndexError> {
        let [count, degree, entries] = stored.numbers()?;
        let (count, degree, entries) = (count as usize, degree as usize, entries as usize);
        if count != nodes || count > MAX_NODES || entries > count || degree > MAX_DEGREE.into() {
            let fault =
                format!("{count} nodes of degree {degree} with {entries} entries, {nodes} codes");
            return Err(stored.corrupt(fault));
        }
        let graph = Self {
            nodes,
            degree,
            entries: stored.section(entries)?,
            adjacency: stored.section(nodes * degree)?,
        };
        let entries: &Buffer<u32> = &graph.entries;
        match entries.as_slice().iter().find(|e| **e as usize >= nodes) {
            Some(entry) => Err(stored.corrupt(format!("entry {entry} of {nodes} nodes"))),
            None => Ok(graph),
        }
    }
}

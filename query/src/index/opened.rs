//! [`Index`]: a finished index, mapped.

use std::path::Path;

use super::{
    Codes, IndexError, Meta, VectorSet,
    buffer::Buffer,
    file::{Files, Kind, Stored},
    graph::Graph,
    vectors::Nodes,
};

/// An index of the rows of a part, its files mapped into memory.
#[derive(Debug)]
pub struct Index {
    meta: Meta,
    pub(super) codes: Codes,
    pub(super) graph: Option<Graph>,
    map: Option<Buffer<u32>>,
    files: Vec<Stored>,
}

impl Index {
    /// Opens the index in `dir`. Reads the meta, the headers and little else, whatever the size; what it finds
    /// damaged or missing is [`IndexError::needs_rebuild`]. Damage elsewhere is found by [`Self::verify`], and
    /// spoils results but nothing else.
    pub fn open(dir: &Path) -> Result<Self, IndexError> {
        Self::of(Meta::read(dir)?, dir)
    }

    /// The index that `meta` describes, of these files; see [`Self::open`].
    pub(super) fn of(meta: Meta, files: &(impl Files + ?Sized)) -> Result<Self, IndexError> {
        let mut codes_file = files.open(Kind::Codes, &meta.codes)?;
        let codes = Codes::open(&mut codes_file)?;
        let same = (codes.len(), codes.dim(), codes.bits(), codes.metric());
        if same != (meta.nodes, meta.dim, meta.bits, meta.params.metric) {
            let fault = "it holds other codes than the meta says";
            return Err(codes_file.corrupt(fault));
        }
        let mut opened = vec![codes_file];
        let mut graph = None;
        if let Some(described) = &meta.graph {
            let mut file = files.open(Kind::Graph, &described.file)?;
            graph = Some(Graph::open(&mut file, meta.nodes)?);
            opened.push(file);
        }
        let mut map = None;
        if let Some(named) = &meta.rows {
            let mut file = files.open(Kind::Rows, named)?;
            map = Some(file.section(meta.nodes)?);
            opened.push(file);
        }
        Ok(Self {
            meta,
            codes,
            graph,
            map,
            files: opened,
        })
    }

    /// Reads all files and compares them with their hashes.
    pub fn verify(&self) -> Result<(), IndexError> {
        self.files.iter().try_for_each(Stored::verify)
    }

    /// The description of the index.
    pub fn meta(&self) -> &Meta {
        &self.meta
    }

    /// The number of indexed rows.
    pub fn len(&self) -> usize {
        self.meta.nodes
    }

    /// Whether no row is indexed.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The nodes over the vectors of the part.
    pub(super) fn nodes<'a>(&'a self, rows: &VectorSet<'a>) -> Nodes<'a> {
        Nodes {
            rows: *rows,
            map: self.map.as_ref().map(Buffer::as_slice),
        }
    }
}

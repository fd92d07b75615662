//! [`ColdCodes`]: the codes of a part whose vectors are not here.

use super::{
    Codes, IndexError, Meta, PreparedQuery, Scratch, VectorSet, Vectors,
    buffer::Buffer,
    file::{Files, Kind, Stored},
    scan::Scan,
    vectors::Nodes,
};
use half::f16;
use isobath_storage::model::VectorElement;

/// The codes of a part whose vectors are not here: enough to tell which rows' vectors are worth fetching.
#[derive(Debug)]
pub struct ColdCodes {
    codes: Codes,
    map: Option<Buffer<u32>>,
    /// Keeps the files mapped.
    _files: Vec<Stored>,
}

impl ColdCodes {
    /// The codes of the index that `meta` describes, of these files.
    pub(super) fn of(meta: &Meta, files: &impl Files) -> Result<Self, IndexError> {
        let mut codes_file = files.open(Kind::Codes, &meta.codes)?;
        let codes = Codes::open(&mut codes_file)?;
        if codes.len() != meta.nodes {
            return Err(codes_file.corrupt("it holds other codes than the meta says"));
        }
        let mut opened = vec![codes_file];
        let mut map = None;
        if let Some(named) = &meta.rows {
            let mut file = files.open(Kind::Rows, named)?;
            map = Some(file.section(meta.nodes)?);
            opened.push(file);
        }
        Ok(Self {
            codes,
            map,
            _files: opened,
        })
    }

    /// Whether `query` can be compared with them: it is of their dimension and metric, and all rows are not equally
    /// far from it.
    pub fn fit(&self, query: &PreparedQuery) -> bool {
        let same = (query.dim(), query.metric()) == (self.codes.dim(), self.codes.metric());
        same && !query.is_undirected()
    }

    /// The rows whose estimated distances from `query`, which has to [fit](Self::fit), are the `keep` smallest among
    /// those that are `visible`.
    pub fn candidates(
        &self,
        query: &PreparedQuery,
        keep: usize,
        visible: impl FnMut(u32) -> bool,
        expired: &dyn Fn() -> bool,
        scratch: &mut Scratch,
    ) -> Result<Vec<u32>, IndexError> {
        let scan = Scan {
            codes: &self.codes,
            nodes: Nodes {
                rows: VectorSet::new(Vectors::F32(&[]), self.codes.dim())?,
                map: self.map.as_ref().map(Buffer::as_slice),
            },
            query,
        };
        scan.candidates(keep, visible, expired, scratch)
    }

    /// How many rows have a code.
    pub fn len(&self) -> usize {
        self.codes.len()
    }

    /// Whether none has.
    pub fn is_empty(&self) -> bool {
        self.codes.is_empty()
    }
}

/// The distance of a stored vector, given as its bytes, from `query`; `None` where it has another dimension.
pub fn distance_of_bytes(
    query: &PreparedQuery,
    element: VectorElement,
    bytes: &[u8],
) -> Option<f32> {
    if bytes.len() != query.dim() * element.width() {
        return None;
    }
    Some(match element {
        VectorElement::F32 => {
            let chunks = bytes.as_chunks::<4>().0.iter();
            let values: Vec<f32> = chunks.map(|bytes| f32::from_le_bytes(*bytes)).collect();
            query.distance(Vectors::F32(&values))
        }
        VectorElement::F16 => {
            let chunks = bytes.as_chunks::<2>().0.iter();
            let values: Vec<f16> = chunks.map(|bytes| f16::from_le_bytes(*bytes)).collect();
            query.distance(Vectors::F16(&values))
        }
    })
}

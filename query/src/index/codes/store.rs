//! Codes as a file: a line of numbers, the rotated centre, the records, the factors if they stand apart.

use isobath_storage::model::Metric;
use std::path::Path;

use super::{Bits, Codes, Layout, Line};
use crate::index::{
    IndexError, MAX_DIM,
    buffer::Buffer,
    file::{self, FileRef, Kind, Stored},
    pool::MAX_NODES,
};

impl Codes {
    /// Creates the file in `dir`.
    pub(in crate::index) fn create(&self, dir: &Path) -> Result<FileRef, IndexError> {
        let numbers = [
            metric_number(self.metric),
            self.layout.dim as u64,
            u64::from(self.layout.bits.get()),
            self.len() as u64,
            u64::from(self.largest.to_bits()),
        ];
        let sections = [
            bytemuck::cast_slice(&numbers),
            bytemuck::cast_slice(&self.centre),
            bytemuck::cast_slice(self.lines.as_slice()),
            bytemuck::cast_slice(self.factors.as_slice()),
        ];
        file::create(dir, Kind::Codes, &sections)
    }

    /// Takes the codes from a mapped file.
    pub(in crate::index) fn open(stored: &mut Stored) -> Result<Self, IndexError> {
        let [metric, dim, bits, nodes, largest] = stored.numbers()?;
        let Some(metric) = METRICS.into_iter().find(|m| metric_number(*m) == metric) else {
            return Err(stored.corrupt(format!("{metric} is no metric")));
        };
        let (dim, nodes) = (dim as usize, nodes as usize);
        if dim == 0 || dim > MAX_DIM || nodes > MAX_NODES {
            return Err(stored.corrupt(format!("{nodes} rows of {dim} dimensions")));
        }
        let bits = u8::try_from(bits).map_err(|e| e.to_string());
        let bits = bits.and_then(Bits::try_from);
        let layout = Layout::new(dim, bits.map_err(|fault| stored.corrupt(fault))?);
        let centre: Buffer<f32> = stored.section(layout.padded)?;
        let lines: Buffer<Line> = stored.section(nodes * layout.width)?;
        let factors = stored.section(if layout.inline { 0 } else { nodes })?;
        Ok(Self {
            metric,
            layout,
            largest: f32::from_bits(largest as u32),
            centre: centre.as_slice().to_vec(),
            lines,
            factors,
        })
    }
}

const METRICS: [Metric; 3] = [
    Metric::CosineDistance,
    Metric::EuclideanSquared,
    Metric::DotProduct,
];

/// The number in the file.
fn metric_number(metric: Metric) -> u64 {
    match metric {
        Metric::CosineDistance => 1,
        Metric::EuclideanSquared => 2,
        Metric::DotProduct => 3,
    }
}

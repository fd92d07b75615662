//! Coding rows.

use isobath_storage::model::Metric;

use super::{Bits, Codes, Layout, Line};
use crate::index::{
    IndexError, VectorSet, Vectors, distance::dot, pool::MAX_NODES, query::norm,
    rotation::Rotation, vectors::Nodes,
};

/// The mean is taken over at most this many rows.
const MEAN_SAMPLE: usize = 16_384;

/// Around which point rows are coded.
#[derive(Debug, Clone, Copy)]
pub enum Centre<'a> {
    /// Their mean: the best where all of them are there.
    Mean,
    /// A given point of the vectors' dimension, the same for every chunk of a delta.
    Fixed(&'a [f32]),
}

/// How rows are coded.
#[derive(Debug, Clone, Copy)]
pub struct Encoding<'a> {
    /// The metric that they are sought by.
    pub metric: Metric,
    /// Bits per dimension.
    pub bits: Bits,
    /// The point that codes are relative to.
    pub centre: Centre<'a>,
    /// Threads to share the work between.
    pub threads: usize,
}

impl Codes {
    /// Codes all `rows`, about 2.5 µs each at 384 dimensions.
    pub fn encode(rows: &VectorSet<'_>, how: &Encoding<'_>) -> Result<Self, IndexError> {
        if let Centre::Fixed(centre) = how.centre
            && centre.len() != rows.dim()
        {
            let fault = format!("{} dimensions, the rows have {}", centre.len(), rows.dim());
            return Err(IndexError::invalid("centre", fault));
        }
        Self::of_nodes(
            &Nodes {
                rows: *rows,
                map: None,
            },
            how,
        )
    }

    /// Codes the rows of `nodes`; a fixed centre has their dimension.
    pub(in crate::index) fn of_nodes(
        nodes: &Nodes<'_>,
        how: &Encoding<'_>,
    ) -> Result<Self, IndexError> {
        if nodes.len() > MAX_NODES {
            let fault = format!("{} are more than {MAX_NODES}", nodes.len());
            return Err(IndexError::invalid("rows", fault));
        }
        let dim = nodes.rows.dim();
        let layout = Layout::new(dim, how.bits);
        let rotation = Rotation::new(dim);
        let point = match how.centre {
            Centre::Mean => mean(nodes, how.metric),
            Centre::Fixed(point) => point.to_vec(),
        };
        let mut centre = vec![];
        rotation.apply(&point, &mut centre);
        let largest = match how.metric {
            Metric::DotProduct => largest_norm(nodes),
            _ => 0.0,
        };
        let coder = Coder {
            nodes,
            layout,
            rotation,
            metric: how.metric,
            largest,
            centre: &centre,
        };
        let (lines, factors) = coder.run(how.threads);
        Ok(Self {
            metric: how.metric,
            layout,
            largest,
            centre,
            lines: lines.into(),
            factors: factors.into(),
        })
    }
}

/// What coding one row after the other needs.
struct Coder<'a> {
    nodes: &'a Nodes<'a>,
    layout: Layout,
    rotation: Rotation,
    metric: Metric,
    largest: f32,
    centre: &'a [f32],
}

impl Coder<'_> {
    fn run(&self, threads: usize) -> (Vec<Line>, Vec<[f32; 2]>) {
        let n = self.nodes.len();
        let width = self.layout.width;
        let mut lines = vec![Line::ZERO; n * width];
        let mut factors = vec![[0.0; 2]; n];
        let share = n.div_ceil(threads.max(1)).max(1);
        let work = lines
            .chunks_mut(share * width)
            .zip(factors.chunks_mut(share));
        std::thread::scope(|scope| {
            for (k, (lines, factors)) in work.enumerate() {
                let first = k * share;
                let mut work = move || self.run_from(first as u32, lines, factors);
                if threads <= 1 {
                    work();
                } else {
                    drop(scope.spawn(work));
                }
            }
        });
        if self.layout.inline {
            factors = vec![];
        }
        (lines, factors)
    }

    fn run_from(&self, first: u32, lines: &mut [Line], factors: &mut [[f32; 2]]) {
        let (mut row, mut residual) = (vec![], vec![]);
        let records = lines.chunks_exact_mut(self.layout.width);
        for (k, (record, factors)) in records.zip(factors).enumerate() {
            let Some(vector) = self.nodes.vector(first + k as u32) else {
                continue;
            };
            let norm2 = unit(vector, self.metric, &mut row);
            self.rotation.apply(&row, &mut residual);
            residual
                .iter_mut()
                .zip(self.centre)
                .for_each(|(r, c)| *r -= c);
            let [mut add, mul] = self.quantise(&residual, record);
            match self.metric {
                Metric::DotProduct => add += self.largest - norm2,
                Metric::CosineDistance if norm2 == 0.0 => add += 1.0,
                _ => {}
            }
            // a row beyond the range of f32 is at the end of every estimate
            *factors = if add.is_finite() && mul.is_finite() {
                [add, mul]
            } else {
                [f32::MAX, 0.0]
            };
            if let (true, Some(last)) = (self.layout.inline, record.last_mut()) {
                last.set_factors(*factors);
            }
        }
    }

    /// Writes the code of a residual r; gives |r|² and −2 |r|² / ⟨v, r⟩.
    fn quantise(&self, residual: &[f32], record: &mut [Line]) -> [f32; 2] {
        let bits = self.layout.bits;
        let (p, half) = (bits.per_byte(), f32::from(bits.mask()) / 2.0);
        let norm2: f32 = residual.iter().map(|r| r * r).sum();
        let deviation = (norm2 / residual.len() as f32).sqrt();
        let scale = 1.0 / (bits.best_step() * deviation).max(1e-20);
        let bytes: &mut [u8] = bytemuck::cast_slice_mut(record);
        let mut dot = 0f32;
        for (byte, dims) in bytes.iter_mut().zip(residual.chunks_exact(p)) {
            for (k, r) in dims.iter().enumerate() {
                let y = (r * scale + half + 0.5).clamp(0.0, 2.0 * half) as u8;
                dot += (f32::from(y) - half) * r;
                *byte |= y << (usize::from(bits.get()) * k);
            }
        }
        let mul = if dot > 0.0 { -2.0 * norm2 / dot } else { 0.0 };
        [norm2, mul]
    }
}

/// Writes the vector in the form that is coded, which for the cosine has unit length; gives its |x|² as stored.
fn unit(vector: Vectors<'_>, metric: Metric, out: &mut Vec<f32>) -> f32 {
    vector.widen(out);
    let norm2 = dot(out, Vectors::F32(out));
    if metric == Metric::CosineDistance {
        let length = if (1e-20..1e30).contains(&norm2) {
            f64::from(norm2).sqrt()
        } else {
            norm(vector)
        };
        if length > 0.0 {
            let scale = 1.0 / length;
            for v in &mut *out {
                *v = (f64::from(*v) * scale) as f32;
            }
            return 1.0;
        }
        return 0.0;
    }
    norm2
}

/// The mean of the vectors as they are coded; zero where there is none.
fn mean(nodes: &Nodes<'_>, metric: Metric) -> Vec<f32> {
    let step = nodes.len().div_ceil(MEAN_SAMPLE).max(1);
    let mut sums = vec![0f64; nodes.rows.dim()];
    let (mut row, mut count) = (vec![], 0f64);
    for vector in (0..nodes.len())
        .step_by(step)
        .filter_map(|i| nodes.vector(i as u32))
    {
        unit(vector, metric, &mut row);
        sums.iter_mut()
            .zip(&row)
            .for_each(|(s, x)| *s += f64::from(*x));
        count += 1.0;
    }
    let mean = |sum: &f64| (sum / f64::max(count, 1.0)) as f32;
    sums.iter().map(mean).collect()
}

/// The largest |x|².
fn largest_norm(nodes: &Nodes<'_>) -> f32 {
    let mut largest = 0f32;
    let mut row: Vec<f32> = vec![];
    for vector in (0..nodes.len()).filter_map(|i| nodes.vector(i as u32)) {
        vector.widen(&mut row);
        largest = largest.max(dot(&row, vector));
    }
    largest.min(f32::MAX)
}

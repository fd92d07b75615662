//! [`Sample`]: 2,000 `WordNet` definitions as vectors, 200 queries and their exact answers.

use super::LIMIT;
use anyhow::Context as _;

/// The rows: id, text, pos, domain and so on, and a vector of 384 dimensions.
pub(super) const PARQUET: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k.parquet");
const QUERIES: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k_query.fbin");
const TRUTH: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k_gt_query.ibin");
const TRUTH_VERBS: &[u8] = include_bytes!("../../../testdata/wordnet/slice2k_gt_query_pos_v.ibin");

/// By query the ids of the nearest rows.
pub(super) type Truth = Vec<Vec<u64>>;

/// The queries, and what is known of their answers.
#[derive(Debug)]
pub(super) struct Sample {
    dim: usize,
    vectors: Vec<f32>,
}

/// The nearest rows of each query: ids and distances.
struct Nearest {
    ids: Vec<Vec<u64>>,
    distances: Vec<Vec<f32>>,
}

impl Sample {
    /// Reads the queries.
    pub(super) fn load() -> anyhow::Result<Self> {
        let (_, dim, rest) = head(QUERIES)?;
        Ok(Self {
            dim,
            vectors: words(rest).map(f32::from_bits).collect(),
        })
    }

    /// How many queries there are.
    pub(super) fn queries(&self) -> usize {
        self.vectors.len() / self.dim
    }

    /// The query vectors.
    pub(super) fn vectors(&self) -> impl Iterator<Item = &[f32]> {
        self.vectors.chunks_exact(self.dim)
    }

    /// The exact answers.
    pub(super) fn plain() -> anyhow::Result<Truth> {
        Ok(nearest(TRUTH)?.ids)
    }

    /// The exact answers among verbs.
    pub(super) fn verbs() -> anyhow::Result<Truth> {
        Ok(nearest(TRUTH_VERBS)?.ids)
    }

    /// The exact answers once every query is a row itself, with ids from `added` on, and the rows with ids
    /// below `deleted` are gone.
    pub(super) fn after_update(&self, added: u64, deleted: u64) -> anyhow::Result<Truth> {
        let known = nearest(TRUTH)?;
        let answer = |((query, ids), distances): ((&[f32], &Vec<u64>), &Vec<f32>)| {
            let old = ids.iter().copied().zip(distances.iter().copied());
            let new = (added..).zip(self.vectors().map(|row| cosine_distance(query, row)));
            let mut all: Vec<(f32, u64)> = old
                .filter(|(id, _)| *id >= deleted)
                .chain(new)
                .map(|(id, d)| (d, id))
                .collect();
            all.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
            all.into_iter().take(LIMIT).map(|(_, id)| id).collect()
        };
        Ok(self
            .vectors()
            .zip(&known.ids)
            .zip(&known.distances)
            .map(answer)
            .collect())
    }
}

fn cosine_distance(a: &[f32], b: &[f32]) -> f32 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(x, y)| x * y).sum::<f32>();
    1.0 - dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

/// Two counts and what follows them.
fn head(bytes: &[u8]) -> anyhow::Result<(usize, usize, &[u8])> {
    let (head, rest) = bytes.split_at_checked(8).context("the sample is cut off")?;
    let mut counts = words(head).map(|n| n as usize);
    let (rows, columns) = (counts.next().unwrap_or(0), counts.next().unwrap_or(0));
    Ok((rows, columns.max(1), rest))
}

fn words(bytes: &[u8]) -> impl Iterator<Item = u32> {
    bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|word| u32::from_le_bytes(*word))
}

/// Ids, then distances, each row by row.
fn nearest(bytes: &[u8]) -> anyhow::Result<Nearest> {
    let (queries, k, rest) = head(bytes)?;
    let (ids, distances) = rest
        .split_at_checked(queries * k * 4)
        .context("the sample is cut off")?;
    let ids: Vec<u64> = words(ids).map(u64::from).collect();
    let distances: Vec<f32> = words(distances).map(f32::from_bits).collect();
    Ok(Nearest {
        ids: ids.chunks_exact(k).map(<[u64]>::to_vec).collect(),
        distances: distances.chunks_exact(k).map(<[f32]>::to_vec).collect(),
    })
}

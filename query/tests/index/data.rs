//! Vectors to test with, exact answers, and recall.

use half::f16;
use isobath_query::index::{
    Found, Hit, Index, IndexParams, Meta, PreparedQuery, Scratch, SearchOptions, VectorSet,
    Vectors, build, scan_exact,
};
use isobath_storage::model::Metric;
use parquet::{
    file::reader::{FileReader as _, SerializedFileReader},
    record::RowAccessor as _,
};
use std::{
    fs,
    fs::File,
    path::PathBuf,
    sync::{LazyLock, atomic::AtomicBool},
};
use tempfile::TempDir;

/// f32 vectors of one dimension.
#[derive(Debug, Clone)]
pub(crate) struct Rows {
    pub(crate) values: Vec<f32>,
    pub(crate) dim: usize,
}

impl Rows {
    pub(crate) fn set(&self) -> VectorSet<'_> {
        VectorSet::new(Vectors::F32(&self.values), self.dim).unwrap()
    }

    pub(crate) fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    pub(crate) fn row(&self, i: usize) -> &[f32] {
        &self.values[i * self.dim..(i + 1) * self.dim]
    }

    pub(crate) fn halves(&self) -> Vec<f16> {
        self.values.iter().map(|v| f16::from_f32(*v)).collect()
    }

    /// `n` rows around `clusters` centres, and 50 queries from the same clusters.
    pub(crate) fn clustered(n: usize, dim: usize, clusters: usize, seed: u64) -> (Self, Self) {
        let mut random = Random(seed);
        let centres: Vec<f32> = (0..clusters * dim).map(|_| random.normal()).collect();
        let mut make = |n: usize| {
            let mut values = Vec::with_capacity(n * dim);
            for _ in 0..n {
                let centre = random.below(clusters) * dim;
                for d in 0..dim {
                    values.push(centres[centre + d] + 0.5 * random.normal());
                }
            }
            Self { values, dim }
        };
        (make(n), make(50))
    }

    /// The same rows, each longer or shorter by a factor of e^(spread · normal).
    pub(crate) fn with_norms(mut self, spread: f32, seed: u64) -> Self {
        let mut random = Random(seed);
        for row in self.values.chunks_exact_mut(self.dim) {
            let factor = (spread * random.normal()).exp();
            for value in row {
                *value *= factor;
            }
        }
        self
    }
}

/// A small generator: xorshift*.
#[derive(Debug)]
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.max(1);
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub(crate) fn below(&mut self, bound: usize) -> usize {
        (self.next() >> 33) as usize % bound
    }

    /// About normal: a sum of twelve.
    pub(crate) fn normal(&mut self) -> f32 {
        (0..12)
            .map(|_| (self.next() >> 40) as f32 / (1 << 24) as f32)
            .sum::<f32>()
            - 6.0
    }
}

/// A built index with its vectors.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) index: Index,
    pub(crate) rows: Rows,
    pub(crate) dir: TempDir,
}

impl Built {
    pub(crate) fn new(rows: Rows, params: &IndexParams) -> Self {
        let dir = TempDir::new().unwrap();
        build_in(&rows.set(), None, params, &dir);
        let index = Index::open(dir.path()).unwrap();
        Self { index, rows, dir }
    }

    pub(crate) fn search(&self, query: &[f32], k: usize, options: &SearchOptions<'_>) -> Found {
        self.search_visible(query, k, options, |_| true)
    }

    pub(crate) fn search_visible(
        &self,
        query: &[f32],
        k: usize,
        options: &SearchOptions<'_>,
        visible: impl Fn(u32) -> bool,
    ) -> Found {
        let query = PreparedQuery::new(self.index.meta().params.metric, query).unwrap();
        let mut scratch = Scratch::default();
        self.index
            .search(&query, &self.rows.set(), k, options, visible, &mut scratch)
            .unwrap()
    }

    /// The mean recall at 10 over `queries`, of the rows that `pass`.
    pub(crate) fn recall(
        &self,
        queries: &Rows,
        options: &SearchOptions<'_>,
        pass: impl Fn(u32) -> bool,
    ) -> f32 {
        let metric = self.index.meta().params.metric;
        let recalls = (0..queries.len()).map(|i| {
            let found = self.search(queries.row(i), 10, options);
            assert!(found.hits.iter().all(|hit| pass(hit.row)));
            let want = exact(&self.rows, metric, queries.row(i), 10, &pass);
            recall(&found.hits, &want)
        });
        recalls.sum::<f32>() / queries.len() as f32
    }
}

pub(crate) fn build_in(
    rows: &VectorSet<'_>,
    nodes: Option<&[u32]>,
    params: &IndexParams,
    dir: &TempDir,
) -> Meta {
    build(rows, nodes, params, 2, &AtomicBool::new(false), dir.path()).unwrap()
}

pub(crate) fn exact(
    rows: &Rows,
    metric: Metric,
    query: &[f32],
    k: usize,
    pass: impl Fn(u32) -> bool,
) -> Vec<Hit> {
    let query = PreparedQuery::new(metric, query).unwrap();
    scan_exact(&rows.set(), &query, 0..rows.len() as u32, k, pass)
}

/// The share of `want` that was found; a row as near as the last one wanted counts.
pub(crate) fn recall(found: &[Hit], want: &[Hit]) -> f32 {
    let Some(last) = want.last() else {
        assert!(found.is_empty());
        return 1.0;
    };
    let near = found.iter().filter(|hit| hit.distance <= last.distance);
    near.count() as f32 / want.len() as f32
}

/// The sample in the project: 2,000 rows and 200 queries, read once.
pub(crate) fn wordnet() -> (Rows, Rows) {
    static SAMPLE: LazyLock<(Rows, Rows)> = LazyLock::new(read_wordnet);
    SAMPLE.clone()
}

fn read_wordnet() -> (Rows, Rows) {
    let reader = SerializedFileReader::new(File::open(sample("slice2k.parquet")).unwrap()).unwrap();
    let mut values = vec![];
    for row in reader.get_row_iter(None).unwrap() {
        let row = row.unwrap();
        let at = row
            .get_column_iter()
            .position(|(name, _)| name == "vector")
            .unwrap();
        let list = row.get_list(at).unwrap();
        values.extend(list.elements().iter().map(element));
    }
    let bytes = fs::read(sample("slice2k_query.fbin")).unwrap();
    let numbers = |bytes: &[u8]| -> Vec<u32> {
        let words = bytes.as_chunks::<4>().0;
        words.iter().map(|b| u32::from_le_bytes(*b)).collect()
    };
    let dim = numbers(&bytes[..8])[1] as usize;
    let queries = numbers(&bytes[8..])
        .into_iter()
        .map(f32::from_bits)
        .collect();
    (
        Rows { values, dim },
        Rows {
            values: queries,
            dim,
        },
    )
}

fn element(field: &parquet::record::Field) -> f32 {
    let parquet::record::Field::Float(value) = field else {
        unreachable!("a vector holds {field:?}");
    };
    *value
}

/// For each query of the sample the rows nearest to it.
pub(crate) fn wordnet_truth() -> Vec<Vec<u32>> {
    let bytes = fs::read(sample("slice2k_gt_query.ibin")).unwrap();
    let words = bytes.as_chunks::<4>().0;
    let words: Vec<u32> = words.iter().map(|b| u32::from_le_bytes(*b)).collect();
    let (count, k) = (words[0] as usize, words[1] as usize);
    let ids = words[2..][..count * k].chunks_exact(k);
    ids.map(<[u32]>::to_vec).collect()
}

fn sample(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../testdata/wordnet")
        .join(name)
}

//! The index's hot paths: the kernel, the scan, the exact distance, the walk, encoding, building.
//!
//! `cargo bench -p isobath-query --bench index`.

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use half::f16;
use isobath_query::index::{
    Bits, Centre, Codes, Encoding, Index, IndexParams, PreparedQuery, Scratch, SearchOptions,
    SearchPath, VectorSet, Vectors, build, scan_codes, scan_exact,
};
use isobath_storage::model::Metric;
use std::{error::Error, hint::black_box, sync::atomic::AtomicBool};

const DIM: usize = 384;
const ROWS: u32 = 20_000;
const METRIC: Metric = Metric::CosineDistance;

/// Clustered rows in halves and a query near some of them.
fn data() -> (Vec<f16>, Vec<f32>) {
    let mut state = 1u64;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        f32::from((state >> 48) as u16) / 65_536.0 - 0.5
    };
    let centres: Vec<f32> = (0..100 * DIM).map(|_| uniform()).collect();
    let mut row = |i: usize| -> Vec<f32> {
        let centre = &centres[i % 100 * DIM..][..DIM];
        centre.iter().map(|c| c + uniform()).collect()
    };
    let rows = (0..ROWS as usize)
        .flat_map(&mut row)
        .map(f16::from_f32)
        .collect();
    (rows, row(ROWS as usize))
}

fn bench(c: &mut Criterion) -> Result<(), Box<dyn Error>> {
    let (rows, query) = data();
    let rows = VectorSet::new(Vectors::F16(&rows), DIM)?;
    let query = PreparedQuery::new(METRIC, &query)?;
    codes(c, &rows, &query)?;
    graph(c, &rows, &query)?;
    let mut group = c.benchmark_group("scan");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    group.bench_function("exact", |b| {
        b.iter(|| black_box(scan_exact(&rows, &query, 0..ROWS, 10, |_| true)));
    });
    Ok(())
}

fn codes(
    c: &mut Criterion,
    rows: &VectorSet<'_>,
    query: &PreparedQuery,
) -> Result<(), Box<dyn Error>> {
    let mut group = c.benchmark_group("codes");
    group.throughput(Throughput::Elements(u64::from(ROWS)));
    group.sample_size(20);
    for bits in Bits::ALL {
        let how = Encoding {
            metric: METRIC,
            bits,
            centre: Centre::Mean,
            threads: 1,
        };
        group.bench_function(BenchmarkId::new("encode", bits.get()), |b| {
            b.iter(|| black_box(Codes::encode(rows, &how)));
        });
        let codes = Codes::encode(rows, &how)?;
        let mut scratch = Scratch::default();
        group.bench_function(BenchmarkId::new("scan", bits.get()), |b| {
            b.iter(|| {
                black_box(scan_codes(
                    &codes,
                    rows,
                    query,
                    0..ROWS,
                    10,
                    |_| true,
                    &mut scratch,
                ))
            });
        });
    }
    Ok(())
}

fn graph(
    c: &mut Criterion,
    rows: &VectorSet<'_>,
    query: &PreparedQuery,
) -> Result<(), Box<dyn Error>> {
    let dir = tempfile::tempdir()?;
    let params = IndexParams {
        bits: Some(Bits::Two),
        ..IndexParams::new(METRIC)
    };
    build(rows, None, &params, 2, &AtomicBool::new(false), dir.path())?;
    let index = Index::open(dir.path())?;
    let mut group = c.benchmark_group("graph");
    let mut scratch = Scratch::default();
    for list in [20, 40, 80, 160] {
        let options = SearchOptions {
            list: Some(list),
            path: Some(SearchPath::Graph),
            ..SearchOptions::default()
        };
        group.bench_function(BenchmarkId::new("search", list), |b| {
            b.iter(|| black_box(index.search(query, rows, 10, &options, |_| true, &mut scratch)));
        });
    }
    group.bench_function("open", |b| b.iter(|| black_box(Index::open(dir.path()))));
    Ok(())
}

/// Criterion wants functions that cannot fail; what fails here is the machine.
fn run(c: &mut Criterion) {
    if let Err(error) = bench(c) {
        unreachable!("the benchmark's own data does not work: {error}");
    }
}

criterion_group!(benches, run);
criterion_main!(benches);

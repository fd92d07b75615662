//! Builds and searches an index of a file of vectors; prints figures as JSON. `tests/bench/compare_hnswlib.py`
//! runs it beside hnswlib.
//!
//! ```text
//! index_bench build BASE DIR METRIC THREADS [BITS]
//! index_bench search BASE DIR QUERIES TRUTH REPEATS LIST[,LIST…]     LIST 0: the default settings
//! ```
//!
//! BASE and QUERIES are `.fbin` (f32) or `.f16bin` files: u32 rows, u32 dimensions, the values; TRUTH is
//! `.ibin`: u32 queries, u32 k, the rows; little-endian.

use anyhow::{Context, Result, bail};
use futures::future::BoxFuture;
use half::f16;
use isobath_query::index::{
    Bits, Index, IndexParams, SearchOptions, VectorSet, Vectors, bench, build,
};
use isobath_storage::{Clock, SystemClock};
use rustix::time::{ClockId, clock_gettime};
use std::{
    fs,
    io::{self, Write as _},
    path::Path,
    sync::atomic::AtomicBool,
    time::Duration,
};

fn main() -> Result<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args[..] {
        ["build", base, dir, metric, threads] => run_build(base, dir, metric, threads, None),
        ["build", base, dir, metric, threads, bits] => {
            run_build(base, dir, metric, threads, Some(bits))
        }
        ["search", base, dir, queries, truth, repeats, lists] => {
            run_search(base, dir, queries, truth, repeats, lists)
        }
        _ => bail!("usage: index_bench build|search …, see the source"),
    }
}

fn run_build(base: &str, dir: &str, metric: &str, threads: &str, bits: Option<&str>) -> Result<()> {
    let base = VectorFile::read(base)?;
    let bits = bits.map(str::parse::<u8>).transpose()?;
    let params = IndexParams {
        bits: bits
            .map(|b| Bits::try_from(b).map_err(anyhow::Error::msg))
            .transpose()?,
        ..IndexParams::new(metric.parse()?)
    };
    let start = (clock(ClockId::ProcessCPUTime), clock(ClockId::Monotonic));
    let meta = build(
        &base.set()?,
        None,
        &params,
        threads.parse()?,
        &AtomicBool::new(false),
        Path::new(dir),
    )?;
    print(&serde_json::json!({
        "cpu_seconds": clock(ClockId::ProcessCPUTime) - start.0,
        "wall_seconds": clock(ClockId::Monotonic) - start.1,
        "bytes": meta.bytes(),
        "meta": meta,
    }))
}

fn run_search(
    base: &str,
    dir: &str,
    queries: &str,
    truth: &str,
    repeats: &str,
    lists: &str,
) -> Result<()> {
    let (base, queries) = (VectorFile::read(base)?, VectorFile::read(queries)?);
    let (head, truth) = read(truth)?;
    let truth_per_query = head[1] as usize;
    let truth: &[u32] = bytemuck::cast_slice(&truth);
    let truth = &truth[..head[0] as usize * truth_per_query];
    let index = Index::open(Path::new(dir))?;
    let load = bench::Workload {
        rows: base.set()?,
        queries: queries.set()?,
        truth,
        truth_per_query,
        k: 10,
        repeats: repeats.parse()?,
    };
    for list in lists.split(',') {
        let list: usize = list.parse()?;
        let options = SearchOptions {
            list: (list > 0).then_some(list),
            ..SearchOptions::default()
        };
        let measured = bench::measure(&index, &load, &options, &ThreadClock)?;
        print(&serde_json::to_value(measured)?)?;
    }
    Ok(())
}

/// The time that this thread has run: other load on the machine is not counted.
#[derive(Debug)]
struct ThreadClock;

impl Clock for ThreadClock {
    fn now_ms(&self) -> u64 {
        SystemClock.now_ms()
    }

    fn monotonic(&self) -> Duration {
        Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap_or_default()
    }

    fn sleep(&self, time: Duration) -> BoxFuture<'static, ()> {
        SystemClock.sleep(time)
    }
}

fn clock(id: ClockId) -> f64 {
    Duration::try_from(clock_gettime(id)).map_or(0.0, |time| time.as_secs_f64())
}

fn print(value: &serde_json::Value) -> Result<()> {
    writeln!(io::stdout(), "{value}")?;
    Ok(())
}

/// Aligned as the vectors of a part are.
#[derive(Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
#[repr(C, align(64))]
struct Line([u8; 64]);

struct VectorFile {
    halves: bool,
    dim: usize,
    count: usize,
    lines: Vec<Line>,
}

impl VectorFile {
    fn read(path: &str) -> Result<Self> {
        let ([rows, dim], lines) = read(path)?;
        Ok(Self {
            halves: path.ends_with(".f16bin"),
            dim: dim as usize,
            count: rows as usize * dim as usize,
            lines,
        })
    }

    fn set(&self) -> Result<VectorSet<'_>> {
        let values = if self.halves {
            Vectors::F16(&bytemuck::cast_slice::<Line, f16>(&self.lines)[..self.count])
        } else {
            Vectors::F32(&bytemuck::cast_slice::<Line, f32>(&self.lines)[..self.count])
        };
        Ok(VectorSet::new(values, self.dim)?)
    }
}

/// The two numbers at the head of a file and the values after them.
fn read(path: &str) -> Result<([u32; 2], Vec<Line>)> {
    let bytes = fs::read(path).with_context(|| format!("cannot read {path}"))?;
    let (head, values) = bytes.split_at_checked(8).context("no header")?;
    let mut lines = vec![Line([0; 64]); values.len().div_ceil(64)];
    let lines_bytes: &mut [u8] = bytemuck::cast_slice_mut(&mut lines);
    lines_bytes[..values.len()].copy_from_slice(values);
    Ok((bytemuck::pod_read_unaligned(head), lines))
}

//! The error of the estimates, and that all kernels compute the same.

use super::{estimate::Kernel, *};
use crate::index::{PreparedQuery, VectorSet, Vectors, random::SplitMix};
use diskann_wide::arch::{Scalar, Target2};

fn vectors(n: usize, dim: usize, seed: u64) -> Vec<f32> {
    let mut random = SplitMix(seed);
    let mut uniform = || (random.next() >> 40) as f32 / (1 << 24) as f32 - 0.5;
    let mut normal = || (0..12).map(|_| uniform()).sum::<f32>();
    (0..n * dim).map(|_| normal() + 0.3).collect()
}

fn encode(values: &[f32], dim: usize, metric: Metric, bits: Bits) -> Codes {
    let how = Encoding {
        metric,
        bits,
        centre: Centre::Mean,
        threads: 2,
    };
    let rows = VectorSet::new(Vectors::F32(values), dim).unwrap();
    Codes::encode(&rows, &how).unwrap()
}

fn estimates(codes: &Codes, query: &CodedQuery) -> Vec<f32> {
    let nodes: Vec<u32> = (0..codes.len() as u32).collect();
    let mut out = vec![0.0; nodes.len()];
    codes.view().estimate(query, &nodes, &mut out);
    out
}

/// The root of the mean squared error, as a share of the mean distance.
fn error(dim: usize, metric: Metric, bits: Bits) -> f64 {
    let values = vectors(300, dim, 1);
    let codes = encode(&values, dim, metric, bits);
    let largest = values
        .chunks(dim)
        .map(|x| x.iter().map(|v| v * v).sum::<f32>())
        .fold(0.0, f32::max);
    let (mut squares, mut mean, mut signed) = (0.0, 0.0, CodedQuery::default());
    for q in vectors(20, dim, 2).chunks(dim) {
        let query = PreparedQuery::new(metric, q).unwrap();
        codes.prepare(&query, &mut signed);
        let norm2: f32 = q.iter().map(|v| v * v).sum();
        for (x, estimate) in values.chunks(dim).zip(estimates(&codes, &signed)) {
            let distance = query.distance(Vectors::F32(x));
            let exact = match metric {
                Metric::CosineDistance => 2.0 * distance,
                Metric::EuclideanSquared => distance,
                Metric::DotProduct => largest + norm2 + 2.0 * distance,
            };
            squares += f64::from(estimate - exact).powi(2) / 6_000.0;
            mean += f64::from(exact) / 6_000.0;
        }
    }
    squares.sqrt() / mean
}

#[test]
fn should_estimate_the_nearer_the_more_bits() {
    for metric in [
        Metric::CosineDistance,
        Metric::EuclideanSquared,
        Metric::DotProduct,
    ] {
        for dim in [63, 100, 128, 384] {
            let [one, two, four] = Bits::ALL.map(|bits| error(dim, metric, bits));
            // one over the root of the dimensions, and about a third of it for each doubling of the bits
            let unit = 1.0 / (dim as f64).sqrt();
            assert!(one < 0.8 * unit, "{metric} {dim}: {one}");
            assert!(
                two < 0.6 * one && four < 0.4 * two,
                "{metric} {dim}: {one} {two} {four}"
            );
        }
    }
}

#[test]
fn should_estimate_between_rows() {
    let dim = 200;
    let values = vectors(100, dim, 3);
    for (bits, limit) in [(Bits::One, 0.2), (Bits::Two, 0.1), (Bits::Four, 0.03)] {
        let codes = encode(&values, dim, Metric::EuclideanSquared, bits);
        let mut signed = CodedQuery::default();
        codes.view().prepare_row(7, &mut signed);
        let query =
            PreparedQuery::new(Metric::EuclideanSquared, &values[7 * dim..8 * dim]).unwrap();
        let got = estimates(&codes, &signed);
        for (i, (x, estimate)) in values
            .chunks(dim)
            .zip(got)
            .enumerate()
            .filter(|(i, _)| *i != 7)
        {
            let exact = query.distance(Vectors::F32(x));
            assert!(
                (estimate / exact - 1.0).abs() < 3.0 * limit,
                "{bits:?} {i}: {estimate} {exact}"
            );
        }
    }
}

/// Every kernel that this machine can run, beside the plain one.
#[test]
fn should_estimate_alike_at_every_dispatch_level() {
    for dim in [1, 64, 128, 200, 384, 700] {
        for bits in Bits::ALL {
            let codes = encode(&vectors(70, dim, 4), dim, Metric::EuclideanSquared, bits);
            let query = PreparedQuery::new(Metric::EuclideanSquared, &vectors(1, dim, 5)).unwrap();
            let mut signed = CodedQuery::default();
            codes.prepare(&query, &mut signed);
            let nodes: Vec<u32> = (0..70).rev().collect();
            let mut plain = vec![0.0; 70];
            scalar(&codes.view(), &signed, &nodes, &mut plain);
            let mut best = vec![0.0; 70];
            codes.view().estimate(&signed, &nodes, &mut best);
            assert_eq!(plain, best, "{dim} {bits:?}");
            #[cfg(target_arch = "x86_64")]
            if let Some(arch) = diskann_wide::arch::x86_64::V3::new_checked() {
                let mut halved = vec![0.0; 70];
                avx2::estimate(arch, &codes.view(), &signed, &nodes, &mut halved);
                assert_eq!(plain, halved, "{dim} {bits:?}");
            }
        }
    }
}

fn scalar(codes: &CodesView<'_>, query: &CodedQuery, nodes: &[u32], out: &mut [f32]) {
    let arch = Scalar::new();
    match codes.bits {
        Bits::One => Kernel::<1, 0>(codes, query).run(arch, nodes, out),
        Bits::Two => Kernel::<2, 0>(codes, query).run(arch, nodes, out),
        Bits::Four => Kernel::<4, 0>(codes, query).run(arch, nodes, out),
    }
}

#[test]
fn should_put_zero_rows_at_cosine_distance_one() {
    let mut values = vectors(50, 90, 6);
    values[..90].fill(0.0);
    let codes = encode(&values, 90, Metric::CosineDistance, Bits::Four);
    let mut signed = CodedQuery::default();
    for q in vectors(10, 90, 7).chunks(90) {
        codes.prepare(
            &PreparedQuery::new(Metric::CosineDistance, q).unwrap(),
            &mut signed,
        );
        let estimate = estimates(&codes, &signed)[0];
        assert!((estimate - 2.0).abs() < 0.1, "{estimate}");
    }
}

#[test]
fn should_lay_out_whole_lines() {
    for (dim, bits, bytes) in [
        (384, Bits::One, 64),
        (384, Bits::Two, 128),
        (384, Bits::Four, 200),
        (128, Bits::Four, 72),
        (128, Bits::Two, 64),
        (1, Bits::One, 64),
    ] {
        let codes = encode(&vectors(3, dim, 8), dim, Metric::EuclideanSquared, bits);
        assert_eq!(codes.bytes_per_row(), bytes, "{dim} {bits:?}");
        assert_eq!(codes.len(), 3);
    }
}

//! Segment encode and decode: 5,000 rows of 384 dimensions and a text, as one write brings them.

use arrow_array::{FixedSizeListArray, Float32Array, StringArray};
use arrow_schema::{DataType, Field};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use isobath_storage::{
    format::segment::{self, VectorCodec},
    model::{
        Block, BodyHash, ClusterId, Column, Counts, Epoch, Hlc, IdColumn, IdempotencyKey, LogId,
        Mutation, Nonce, Request, Rows, Segment, SegmentHeader, SegmentKind, Seq, ShardId,
        VersionVector,
    },
};
use std::{hint::black_box, sync::Arc};
use uuid::Uuid;

const ROWS: u32 = 5_000;
const DIM: u32 = 384;

fn rows() -> Result<Rows, Box<dyn std::error::Error>> {
    let random = |n: u32| {
        n.wrapping_mul(2_654_435_761)
            .rotate_left(13)
            .wrapping_mul(0x85eb_ca6b)
    };
    let unit = |n: u32| f32::from(u16::try_from(random(n) >> 16).unwrap_or(0)) / 65_536.0 - 0.5;
    let values = Float32Array::from_iter_values((0..ROWS * DIM).map(unit));
    let item = Arc::new(Field::new("item", DataType::Float32, false));
    let vectors = FixedSizeListArray::try_new(item, DIM.cast_signed(), Arc::new(values), None)?;
    let texts = StringArray::from_iter_values((0..ROWS).map(|n| format!("a text of row {n}")));
    let vectors = Column {
        name: "vector".parse()?,
        ty: "[384]f32".parse()?,
        array: Arc::new(vectors),
    };
    let texts = Column {
        name: "text".parse()?,
        ty: "string".parse()?,
        array: Arc::new(texts),
    };
    let ids = IdColumn::U64((0..u64::from(ROWS)).collect());
    Ok(Rows::new(ids, vec![vectors, texts])?)
}

fn sample() -> Result<Segment, Box<dyn std::error::Error>> {
    let request = Request {
        first_index: 0,
        key: IdempotencyKey(1),
        body: BodyHash(2),
        api_key: None,
        counts: Counts::default(),
        declarations: vec![],
        mutations: vec![Mutation::Upsert(rows()?)],
    };
    let header = SegmentHeader {
        kind: SegmentKind::Data,
        cluster: ClusterId(Uuid::nil()),
        log: LogId::new("use1".parse()?, ShardId(0)),
        epoch: Epoch(1),
        seq: Seq(1),
        writer: Uuid::nil(),
        nonce: Nonce(1),
        hlc_min: Hlc(1),
        hlc_max: Hlc(1),
        ops: ROWS,
        seen: VersionVector::default(),
    };
    let block = Block {
        namespace: "bench".parse()?,
        requests: vec![request],
    };
    Ok(Segment {
        header,
        blocks: vec![block],
    })
}

fn bench(criterion: &mut Criterion) {
    let Ok(sample) = sample() else { return };
    let mut group = criterion.benchmark_group("segment");
    group.sample_size(20);
    for (name, codec) in [
        ("raw", VectorCodec::Raw),
        ("shuffled", VectorCodec::Shuffled),
    ] {
        let Ok(bytes) = segment::encode_with(&sample, codec) else {
            return;
        };
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("encode/{name}"), |b| {
            b.iter(|| segment::encode_with(black_box(&sample), codec));
        });
        group.bench_function(format!("decode/{name}"), |b| {
            b.iter(|| segment::decode(black_box(&bytes)));
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);

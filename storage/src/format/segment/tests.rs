//! Tests of segments: round trips, goldens, damage, forgery.

use super::*;
use crate::error::ErrorKind;
use crate::format::samples::{
    any_rows, describe, everything, header, request, segment, sparse_rows,
};
use crate::model::{Block, Column, IdColumn, Mutation, Rows, SegmentHeader, SegmentKind};
use arrow_array::{FixedSizeListArray, Float32Array};
use proptest::prelude::*;
use std::sync::Arc;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/segment_v1.seg");

fn block(mutations: Vec<Mutation>) -> Block {
    Block {
        namespace: "n".parse().unwrap(),
        requests: vec![request(mutations)],
    }
}

#[test]
fn should_read_what_it_writes() {
    let written = everything();
    for codec in [VectorCodec::Raw, VectorCodec::Shuffled] {
        let bytes = encode_with(&written, codec).unwrap();
        assert_eq!(describe(&decode(&bytes).unwrap()), describe(&written));
        assert_eq!(decode_header(&bytes[..PREFIX]).unwrap(), written.header);
    }
}

#[test]
fn should_hold_nothing_but_a_header() {
    for kind in [
        SegmentKind::Fence,
        SegmentKind::Heartbeat,
        SegmentKind::Seal,
    ] {
        let written = Segment {
            header: SegmentHeader { kind, ..header() },
            blocks: vec![],
        };
        let bytes = encode(&written).unwrap();
        assert!(bytes.len() < 1024);
        assert_eq!(describe(&decode(&bytes).unwrap()), describe(&written));
    }
}

#[test]
fn should_keep_version_1_as_it_was() {
    let bytes = encode(&everything()).unwrap();
    if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &bytes).unwrap();
    }
    let golden = Bytes::from(std::fs::read(GOLDEN).unwrap());
    assert_eq!(describe(&decode(&golden).unwrap()), describe(&everything()));
    assert_eq!(golden, bytes);
}

/// Writers of small segments once compressed their attributes too.
#[test]
fn should_read_small_segments_that_are_compressed() {
    let sparse = sparse_rows(IdColumn::U64(vec![1, 2].into()));
    let sparse = segment(vec![block(vec![Mutation::Upsert(sparse)])]);
    for (name, written) in [("segment_v1", everything()), ("segment_sparse_v1", sparse)] {
        let path = GOLDEN.replace("segment_v1", &format!("{name}_zstd"));
        let golden = Bytes::from(std::fs::read(path).unwrap());
        assert_eq!(describe(&decode(&golden).unwrap()), describe(&written));
        assert_ne!(golden, encode(&written).unwrap());
    }
}

/// Attributes of many rows are compressed: they take less than half their bytes here.
#[test]
fn should_compress_what_is_large() {
    let ids: Vec<u64> = (0..4_096).collect();
    let rows = Rows::new(IdColumn::U64(ids.into()), vec![]).unwrap();
    let written = segment(vec![block(vec![Mutation::Upsert(rows)])]);
    let bytes = encode(&written).unwrap();
    assert!(bytes.len() < 4_096 * 8 / 2, "{}", bytes.len());
    assert_eq!(describe(&decode(&bytes).unwrap()), describe(&written));
}

/// Segments with sparse vectors have their own golden: they came later.
#[test]
fn should_keep_sparse_vectors_as_they_were() {
    let rows = sparse_rows(IdColumn::U64(vec![1, 2].into()));
    let written = segment(vec![block(vec![Mutation::Upsert(rows)])]);
    let bytes = encode(&written).unwrap();
    let path = GOLDEN.replace("segment_v1", "segment_sparse_v1");
    if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = Bytes::from(std::fs::read(path).unwrap());
    assert_eq!(describe(&decode(&golden).unwrap()), describe(&written));
    assert_eq!(golden, bytes);
}

#[test]
fn should_read_one_namespace_by_suffix_and_range() {
    let bytes = encode(&everything()).unwrap();
    let whole = decode(&bytes).unwrap();
    let short = decode_directory(&bytes[bytes.len() - 100..]).unwrap_err();
    let FormatError::Truncated { needed, .. } = short else {
        panic!("{short}")
    };
    let suffix = &bytes[bytes.len() - usize::try_from(needed).unwrap()..];
    let directory = decode_directory(suffix).unwrap();
    assert_eq!(directory.header, whole.header);
    let entry = directory.get(&"second".parse().unwrap()).unwrap();
    let block = directory
        .decode_block(entry, &bytes.slice(entry.range()))
        .unwrap();
    let alone = |block: &Block| Segment {
        header: header(),
        blocks: vec![block.clone()],
    };
    assert_eq!(describe(&alone(&block)), describe(&alone(&whole.blocks[1])));
    let moved = bytes.slice(entry.range().start + 64..entry.range().end + 64);
    assert!(directory.decode_block(entry, &moved).is_err());
}

#[test]
fn should_detect_every_truncation() {
    let bytes = encode(&everything()).unwrap();
    for length in 0..bytes.len() {
        let error = decode(&bytes.slice(..length)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{length}: {error}");
    }
}

#[test]
fn should_detect_every_flipped_bit() {
    let bytes = encode(&everything()).unwrap();
    let mut copy = bytes.to_vec();
    for at in 0..copy.len() {
        for bit in 0..8 {
            copy[at] ^= 1 << bit;
            assert!(
                decode(&Bytes::copy_from_slice(&copy)).is_err(),
                "byte {at} bit {bit}"
            );
            copy[at] ^= 1 << bit;
        }
    }
}

#[test]
fn should_detect_flipped_bits_of_a_header_alone() {
    let bytes = encode(&everything()).unwrap();
    let header = header::length(&everything().header);
    for at in 0..header {
        for bit in 0..8 {
            let mut copy = bytes[..header].to_vec();
            copy[at] ^= 1 << bit;
            assert!(decode_header(&copy).is_err(), "byte {at} bit {bit}");
        }
        assert!(decode_header(&bytes[..at]).is_err());
    }
}

#[test]
fn should_name_both_versions_when_it_is_too_old() {
    let mut bytes = encode(&everything()).unwrap().to_vec();
    bytes[10] = 2;
    let error = decode_header(&bytes).unwrap_err();
    assert!(matches!(error, FormatError::Unsupported { .. }));
    let text = "segment has format version 2, this program reads up to 1";
    assert_eq!(error.to_string(), text);
}

/// 5,000 vectors of 384 dimensions.
fn vectors() -> Rows {
    let values: Vec<f32> = (0u16..5_000)
        .flat_map(|row| (0u16..384).map(move |d| f32::from(row ^ d)))
        .collect();
    let item = Arc::new(arrow_schema::Field::new(
        "item",
        arrow_schema::DataType::Float32,
        false,
    ));
    let values = Arc::new(Float32Array::from(values));
    let array = FixedSizeListArray::new(item, 384, values, None);
    let name = "vector".parse().unwrap();
    let ty = "[384]f32".parse().unwrap();
    let column = Column {
        name,
        ty,
        array: Arc::new(array),
    };
    Rows::new(IdColumn::U64((0..5_000).collect()), vec![column]).unwrap()
}

#[test]
fn should_borrow_raw_vectors() {
    let bytes = encode(&segment(vec![block(vec![Mutation::Upsert(vectors())])])).unwrap();
    let decoded = decode(&bytes).unwrap();
    let Mutation::Upsert(rows) = &decoded.blocks[0].requests[0].mutations[0] else {
        panic!()
    };
    let column = rows.column("vector").unwrap();
    let Some(crate::model::VectorSlice::F32(values)) = column.vectors() else {
        panic!()
    };
    assert!(bytes.as_ptr_range().contains(&values.as_ptr().cast()));
    assert_eq!(values[384 * 7 + 5].to_bits(), f32::from(7u16 ^ 5).to_bits());
    // Bytes that are not aligned are copied, and read as well.
    let moved = Bytes::from([&[0], &*bytes].concat()).slice(1..);
    assert_eq!(describe(&decode(&moved).unwrap()), describe(&decoded));
}

#[test]
fn should_detect_sampled_damage_of_a_large_segment() {
    let bytes = encode(&segment(vec![block(vec![Mutation::Upsert(vectors())])])).unwrap();
    for step in 0u32..60 {
        let at = (step as usize * 999_983 * 131) % bytes.len();
        let mut copy = bytes.to_vec();
        copy[at] ^= 1 << (step % 8);
        assert!(decode(&copy.into()).is_err(), "byte {at}");
        assert!(decode(&bytes.slice(..at)).is_err(), "cut at {at}");
    }
}

#[test]
fn should_refuse_indices_beyond_the_segment() {
    let mut written = everything();
    written.header.ops -= 1;
    assert_eq!(encode(&written).unwrap_err().kind(), ErrorKind::Invalid);
}

/// The segment with header, blocks and directory changed by `change` and every checksum made
/// right again, as somebody who may write to the bucket could do it.
fn forge(change: impl Fn(&mut [u8])) -> Bytes {
    let mut out = std::fs::read(GOLDEN).unwrap();
    let directory = decode_directory(&out).unwrap();
    let mut entries = directory.entries.clone();
    for entry in &mut entries {
        change(&mut out[entry.range()]);
        entry.checksum = *blake3::hash(&out[entry.range()]).as_bytes();
    }
    let header = out[..header::length(&directory.header)].to_vec();
    out.truncate(entries.last().unwrap().range().end);
    out.pad(ALIGNMENT);
    directory::append(&mut out, &header, &entries).unwrap();
    out.into()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn should_read_any_rows_that_it_writes(rows in any_rows(), shuffled: bool) {
        let codec = if shuffled { VectorCodec::Shuffled } else { VectorCodec::Raw };
        let patch = Mutation::Patch(crate::model::PatchMask::all(), rows.clone());
        let written = segment(vec![block(vec![Mutation::Upsert(rows), patch])]);
        let bytes = encode_with(&written, codec).unwrap();
        prop_assert_eq!(describe(&decode(&bytes).unwrap()), describe(&written));
        prop_assert_eq!(encode_with(&decode(&bytes).unwrap(), codec).unwrap(), bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn should_never_panic_on_any_bytes(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        drop(decode_header(&bytes));
        drop(decode_directory(&bytes));
        prop_assert!(decode(&bytes.into()).is_err());
    }

    #[test]
    fn should_never_panic_on_forged_blocks(
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
    ) {
        drop(decode(&forge(|block| {
            for (at, value) in &flips {
                block[at % block.len()] = *value;
            }
        })));
    }

    #[test]
    fn should_never_panic_on_forged_directories(
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        footer in proptest::option::of((any::<u64>(), any::<u64>())),
    ) {
        let mut bytes = std::fs::read(GOLDEN).unwrap();
        let end = bytes.len() - 40;
        let start = usize::try_from(decode_directory(&bytes).unwrap().dir_off).unwrap();
        for (at, value) in flips {
            bytes[start + at % (end - 16 - start)] = value;
        }
        if let Some((dir_off, length)) = footer {
            bytes[end - 16..end - 8].copy_from_slice(&dir_off.to_le_bytes());
            bytes[end - 8..end].copy_from_slice(&length.to_le_bytes());
        }
        let hash = blake3::hash(&bytes[start..end]);
        bytes[end..end + 32].copy_from_slice(hash.as_bytes());
        drop(decode_directory(&bytes[start..]));
        drop(decode(&bytes.into()));
    }

    #[test]
    fn should_never_panic_on_mutated_goldens(
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        cut in any::<usize>(),
        compressed in any::<bool>(),
    ) {
        let name = if compressed { "segment_v1_zstd" } else { "segment_v1" };
        let mut bytes = std::fs::read(GOLDEN.replace("segment_v1", name)).unwrap();
        for (at, value) in flips {
            let at = at % bytes.len();
            bytes[at] = value;
        }
        bytes.truncate(cut % (bytes.len() * 2));
        drop(decode_header(&bytes));
        drop(decode_directory(&bytes));
        drop(decode(&bytes.into()));
    }
}

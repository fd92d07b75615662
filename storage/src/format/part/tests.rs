//! Tests of parts: round trips, the golden, zero copy, damage.

use super::*;
use crate::fold::RowState;
use crate::format::samples::{all_types, any_rows, describe_rows, log, name, sparse, sparse_rows};
use crate::model::{Hlc, Seq, Stamp, Value, VectorElement, VectorSlice};
use proptest::prelude::*;

const GOLDEN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/testdata/part_v1.arrow");

fn stamp(hlc: u64, region: &str) -> Stamp {
    Stamp {
        hlc: Hlc(hlc),
        log: log(region, 1),
        seq: Seq(hlc * 2),
        index: 7,
    }
}

fn part(rows: Rows, residue: BTreeMap<u32, Residue>) -> Part {
    let regions = ["use1", "euw1"];
    let stamps: Vec<_> = (0..rows.len())
        .map(|row| stamp(row as u64 + 1, regions[row % 2]))
        .collect();
    Part {
        namespace: "books".parse().unwrap(),
        manifest: 12,
        seen: VersionVector::from_iter([(log("use1", 1), Seq(99))]),
        rows: Arc::new(rows),
        stamps: StampColumn::from_stamps(&stamps).unwrap(),
        residue,
    }
}

/// Both kinds of rows that leave something behind.
fn residue() -> BTreeMap<u32, Residue> {
    let mut live = RowState::live(stamp(1, "use1"), ());
    live.patch(
        stamp(5, "euw1"),
        &name("a01"),
        Value::Array(vec![Value::Int(3)].into()),
    );
    live.patch_dims(stamp(6, "use1"), &name("a14"), [(1, 0.5), (2, -0.5)]);
    let mut dead = RowState::default();
    dead.delete(stamp(4, "euw1"));
    dead.patch(stamp(8, "use1"), &name("a00"), Value::Null);
    let side = [(name("a02"), Value::String("of another type".into()))].into();
    let state = |state, side| Residue { state, side };
    [(0, state(live, side)), (1, state(dead, BTreeMap::new()))].into()
}

fn sample() -> Part {
    part(all_types(IdColumn::U64(vec![1, 2].into())), residue())
}

fn describe(part: &Part) -> String {
    let stamps: Vec<_> = (0..part.stamps.len())
        .map(|row| part.stamps.get(row))
        .collect();
    let Part {
        namespace,
        manifest,
        seen,
        residue,
        ..
    } = part;
    format!(
        "{namespace} {manifest} {seen:?} {stamps:?} {residue:?} {}",
        describe_rows(&part.rows)
    )
}

#[test]
fn should_keep_version_1_as_it_was() {
    let bytes = sample().encode().unwrap();
    if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
        std::fs::write(GOLDEN, &bytes).unwrap();
    }
    let golden = Bytes::from(std::fs::read(GOLDEN).unwrap());
    assert_eq!(
        describe(&Part::open(golden.clone()).unwrap()),
        describe(&sample())
    );
    assert_eq!(golden, bytes);
}

/// Parts with sparse vectors have their own golden: they came later.
#[test]
fn should_keep_sparse_vectors_as_they_were() {
    let mut live = RowState::live(stamp(1, "use1"), ());
    live.patch(stamp(5, "euw1"), &name("p"), sparse([(9, 1.5)]));
    let residue = Residue {
        state: live,
        side: BTreeMap::new(),
    };
    let rows = sparse_rows(IdColumn::U64(vec![1, 2].into()));
    let sample = part(rows, [(0, residue)].into());
    let bytes = sample.encode().unwrap();
    let path = GOLDEN.replace("part_v1", "part_sparse_v1");
    if std::env::var_os("ISOBATH_WRITE_GOLDEN").is_some() {
        std::fs::write(&path, &bytes).unwrap();
    }
    let golden = Bytes::from(std::fs::read(path).unwrap());
    assert_eq!(
        describe(&Part::open(golden.clone()).unwrap()),
        describe(&sample)
    );
    assert_eq!(golden, bytes);
}

#[test]
fn should_hold_ids_of_every_kind_and_none() {
    let texts: Vec<_> = ["a", "b", "ß"]
        .map(|s| crate::model::Id::Str(s.into()))
        .into();
    let columns = [
        IdColumn::U64(vec![].into()),
        IdColumn::Uuid([5, 9].map(uuid::Uuid::from_u128).into()),
        IdColumn::from_ids(crate::model::IdKind::String, &texts).unwrap(),
    ];
    for ids in columns {
        let written = part(Rows::new(ids, vec![]).unwrap(), BTreeMap::new());
        let read = Part::open(written.encode().unwrap()).unwrap();
        assert_eq!(describe(&read), describe(&written));
    }
}

#[test]
fn should_refuse_ids_that_do_not_rise() {
    for ids in [[2, 1], [1, 1]] {
        let rows = Rows::new(IdColumn::U64(ids.to_vec().into()), vec![]).unwrap();
        let error = part(rows, BTreeMap::new()).encode().unwrap_err();
        assert_eq!(
            error.to_string(),
            "part cannot be written: its ids do not rise"
        );
    }
}

#[test]
fn should_use_vectors_and_stamps_in_place() {
    let bytes = sample().encode().unwrap();
    let opened = Part::open(bytes.clone()).unwrap();
    let Some(VectorSlice::F32(values)) = opened.rows.column("a14").unwrap().vectors() else {
        panic!()
    };
    let file = bytes.as_ptr_range();
    assert!(file.contains(&values.as_ptr().cast()));
    assert!(file.contains(&opened.stamps.hlcs().as_ptr().cast()));
    let at = values.as_ptr().addr() - file.start.addr();
    assert_eq!(at % 64, 0);
}

#[test]
fn should_know_its_own_name() {
    let bytes = sample().encode().unwrap();
    let hash = ContentHash::of(&bytes);
    assert!(verify(&bytes, hash).is_ok());
    for at in (0..bytes.len()).step_by(11) {
        let mut copy = bytes.to_vec();
        copy[at] ^= 0x10;
        assert!(verify(&copy, hash).is_err());
    }
}

#[test]
fn should_refuse_every_truncation() {
    let bytes = sample().encode().unwrap();
    for length in 0..bytes.len() {
        assert!(
            Part::open(bytes.slice(..length)).is_err(),
            "cut at {length}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn should_read_any_rows_that_it_writes(rows in any_rows()) {
        let ids = (0..rows.len() as u64).map(|id| id * 3).collect();
        let rows = Rows::new(IdColumn::U64(ids), rows.columns().to_vec()).unwrap();
        let written = part(rows, BTreeMap::new());
        let bytes = written.encode().unwrap();
        prop_assert_eq!(describe(&Part::open(bytes).unwrap()), describe(&written));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn should_never_panic_on_mutated_goldens(
        flips in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..6),
        near_end: bool,
    ) {
        let mut bytes = std::fs::read(GOLDEN).unwrap();
        let length = bytes.len();
        for (at, value) in flips {
            // Half of the cases hit the footer, where all offsets stand.
            let at = if near_end { length - 1 - at % (length / 3) } else { at % length };
            bytes[at] = value;
        }
        if let Ok(part) = Part::open(bytes.into()) {
            prop_assert!(describe(&part).len() > 1);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Vectors that are gathered while they are written make the same bytes as those in memory.
    #[test]
    fn should_write_picked_vectors_as_if_they_were_in_memory(
        values in proptest::collection::vec(proptest::option::of([any::<f32>(), any::<f32>(), any::<f32>()]), 1..60),
        order in any::<u64>(),
        half in any::<bool>(),
    ) {
        let element = if half { VectorElement::F16 } else { VectorElement::F32 };
        let ty = AttributeType::Vector { dim: 3, element };
        let text = AttributeType::Scalar(ScalarType::String);
        let cell = |v: &Option<[f32; 3]>| v.map_or(Value::Null, |v| Value::Vector(match element {
            VectorElement::F16 => crate::model::VectorValue::F16(v.map(half::f16::from_f32).into()),
            VectorElement::F32 => crate::model::VectorValue::F32(v.into()),
        }));
        let vectors: Vec<Value> = values.iter().map(cell).collect();
        let texts: Vec<Value> = (0..values.len()).map(|n| Value::String(format!("t{n}").into())).collect();
        let ids: Vec<u64> = (0..values.len() as u64).collect();
        let whole = Rows::new(IdColumn::U64(ids.into()), vec![
            Column::from_values(name("t"), text, &texts).unwrap(),
            Column::from_values(name("v"), ty, &vectors).unwrap(),
        ]).unwrap();
        // the rows lie in two pieces, by the bits of `order`
        let piece = |row: usize| usize::from(order >> (row % 64) & 1 == 1);
        let of = |wanted: usize| (0..values.len()).filter(|row| piece(*row) == wanted).map(|row| u32::try_from(row).unwrap()).collect::<Vec<_>>();
        let pieces = [whole.take(&of(0)).unwrap(), whole.take(&of(1)).unwrap()];
        let mut next = [0, 0];
        let picks: Vec<(usize, usize)> = (0..values.len()).map(|row| {
            let at = piece(row);
            next[at] += 1;
            (at, next[at] - 1)
        }).collect();
        let written = part(whole, BTreeMap::new());
        let without = Rows::new(written.rows.ids().clone(), written.rows.columns()[..1].to_vec()).unwrap();
        let split = Part { rows: Arc::new(without), ..written.clone() };
        let picked = PickedVectors {
            name: name("v"),
            dim: 3,
            element,
            pieces: pieces.iter().map(|p| p.typed(&name("v"), ty)).collect(),
            picks: &picks,
        };
        let mut bytes = Vec::new();
        let (hash, length) = split.write(&[picked], &mut bytes).unwrap();
        prop_assert_eq!(&Bytes::from(bytes.clone()), &written.encode().unwrap());
        prop_assert_eq!((hash, length), (ContentHash::of(&bytes), bytes.len() as u64));
    }
}

#[test]
fn should_say_where_ids_and_vectors_lie() {
    let part = sample();
    let bytes = part.encode().unwrap();
    let layout = PartLayout::read(bytes.slice(..bytes.len().min(32 << 10))).unwrap();
    assert_eq!(layout.rows, 2);
    let part_of = |range: std::ops::Range<u64>| {
        let at = |n| usize::try_from(n).unwrap();
        bytes.slice(at(range.start)..at(range.end))
    };
    let (kind, range) = layout.ids().unwrap();
    assert_eq!(
        read_ids(kind, &part_of(range)).as_ref(),
        Some(part.rows.ids())
    );
    let mut vectors = 0;
    for column in part.rows.columns() {
        let Some(at) = layout.vectors(&column.name) else {
            assert!(column.vectors().is_none(), "{}", column.name);
            continue;
        };
        vectors += 1;
        let stored: Vec<u8> = match column.vectors().unwrap() {
            VectorSlice::F32(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
            VectorSlice::F16(values) => values.iter().flat_map(|v| v.to_le_bytes()).collect(),
        };
        let found = [0, 1].map(|row| part_of(at.row(row).unwrap())).concat();
        assert_eq!(found, stored);
        assert!(at.row(2).is_none());
    }
    assert_eq!(vectors, 2);
    for cut in [0, 7, 70, 300] {
        assert!(PartLayout::read(bytes.slice(..cut)).is_err(), "{cut}");
    }
}

//! Streams as clients send them, and streams that nobody should send.

use super::{super::FaultKind, *};
use crate::server::memory::Memory;
use arrow_array::{
    Array, ArrayRef, FixedSizeListArray, Float16Array, Float32Array, Float64Array, Int32Array,
    Int64Array, ListArray, StringArray, UInt64Array,
    types::{Float32Type, Int32Type},
};
use arrow_ipc::{
    CompressionType,
    writer::{IpcWriteOptions, StreamWriter},
};
use arrow_schema::{DataType, Field};
use half::f16;
use isobath_storage::model::{Id, Value, VectorValue};
use proptest::prelude::*;

fn stream(batches: &[RecordBatch], compressed: bool) -> Vec<u8> {
    let codec = compressed.then_some(CompressionType::ZSTD);
    let options = IpcWriteOptions::default()
        .try_with_compression(codec)
        .unwrap();
    let schema = batches[0].schema();
    let mut writer = StreamWriter::try_new_with_options(vec![], &schema, options).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.finish().unwrap();
    writer.into_inner().unwrap()
}

fn batch(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(columns.into_iter().map(|(n, a)| (n, a, true)))
        .unwrap()
}

fn params(metric: Option<&str>, schema: Option<&str>) -> ArrowParams {
    ArrowParams {
        distance_metric: metric.map(str::to_owned),
        schema: schema.map(str::to_owned),
        ..ArrowParams::default()
    }
}

fn decode(body: Vec<u8>, params: &ArrowParams) -> Result<DecodedWrite, Fault> {
    decode_arrow(&body.into(), params, None, Allowance::Bytes(1 << 24))
}

fn rows(write: &DecodedWrite) -> &Rows {
    let Some(Mutation::Upsert(rows)) = write.command.mutations.last() else {
        panic!("no upsert");
    };
    rows
}

fn fixed<A: Array + 'static>(dim: i32, values: A) -> ArrayRef {
    let field = Arc::new(Field::new("element", values.data_type().clone(), true));
    Arc::new(FixedSizeListArray::try_new(field, dim, Arc::new(values), None).unwrap())
}

fn ids() -> ArrayRef {
    Arc::new(Int64Array::from(vec![1, 2]))
}

#[test]
fn should_take_columns_of_every_kind() {
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let uuid = "d6b4c5ce-1d1f-4a0a-b5f5-1b2c3d4e5f60";
    let rows_of = vec![Some(vec![Some(1), Some(2)]), None];
    let columns = vec![
        ("id", ids()),
        (
            "vector",
            fixed(2, Float32Array::from(vec![1.0, 2.0, 3.0, 4.0])),
        ),
        (
            "half",
            fixed(1, Float16Array::from(vec![f16::ONE, f16::ZERO])),
        ),
        ("s", words),
        (
            "f",
            Arc::new(Float64Array::from(vec![0.5, f64::NAN])) as ArrayRef,
        ),
        ("n", Arc::new(Int32Array::from(vec![Some(-3), None]))),
        ("u", Arc::new(StringArray::from(vec![Some(uuid), None]))),
        (
            "at",
            Arc::new(StringArray::from(vec![Some("2024-01-01T00:00:00Z"), None])),
        ),
        (
            "l",
            Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(rows_of)),
        ),
    ];
    let declared = r#"{"u":"uuid","at":"datetime"}"#;
    for compressed in [false, true] {
        let body = stream(&[batch(columns.clone())], compressed);
        let write = decode(body, &params(Some("cosine_distance"), Some(declared))).unwrap();
        let rows = rows(&write);
        assert_eq!(rows.ids().get(1), Id::U64(2));
        let vector = VectorValue::F32([3.0, 4.0].into());
        assert_eq!(rows.value(1, "vector"), Value::Vector(vector));
        let half = VectorValue::F16([f16::ONE].into());
        assert_eq!(rows.value(0, "half"), Value::Vector(half));
        assert_eq!(rows.value(0, "s"), Value::String("a".into()));
        assert_eq!(rows.value(1, "f"), Value::Null);
        assert_eq!(rows.value(0, "n"), Value::Int(-3));
        assert_eq!(rows.value(0, "u"), Value::Uuid(uuid.parse().unwrap()));
        assert_eq!(rows.value(0, "at"), Value::Datetime(1_704_067_200_000));
        assert_eq!(
            rows.value(0, "l"),
            Value::Array([Value::Int(1), Value::Int(2)].into())
        );
        assert_eq!(write.command.declarations.len(), 9);
    }
}

#[test]
fn should_take_vectors_as_they_lie_in_the_body() {
    let vectors = fixed(2, Float32Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    let body = Bytes::from(stream(
        &[batch(vec![("id", ids()), ("vector", vectors)])],
        false,
    ));
    let params = params(Some("dot_product"), None);
    let write = decode_arrow(&body, &params, None, Allowance::Bytes(1 << 20)).unwrap();
    let list = rows(&write).column("vector").unwrap().array.to_data();
    let values = list.child_data()[0].buffers()[0].as_ptr() as usize;
    let within = body.as_ptr() as usize..body.as_ptr() as usize + body.len();
    assert!(within.contains(&values), "the vectors were copied");
}

#[test]
fn should_join_batches_and_take_lists_for_vectors() {
    let lists = vec![Some(vec![Some(1.0), Some(2.0)]), None];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Float32Type, _, _>(lists));
    let more: ArrayRef = Arc::new(Int64Array::from(vec![3, 4]));
    let batches = [
        batch(vec![("id", ids()), ("v", Arc::clone(&lists))]),
        batch(vec![("id", more), ("v", lists)]),
    ];
    let write = decode(stream(&batches, false), &params(Some("dot_product"), None)).unwrap();
    let rows = rows(&write);
    assert_eq!(rows.len(), 4);
    assert_eq!(
        rows.value(2, "v"),
        Value::Vector(VectorValue::F32([1.0, 2.0].into()))
    );
    assert_eq!(rows.value(3, "v"), Value::Null);
}

#[test]
fn should_name_the_column_that_is_wrong() {
    let one = |array: ArrayRef| vec![("id", ids()), ("a", array)];
    let nothing: Vec<Option<Vec<Option<i32>>>> = vec![None, None];
    let uneven = vec![Some(vec![Some(1.0)]), Some(vec![Some(1.0), Some(2.0)])];
    let negative: ArrayRef = Arc::new(Int64Array::from(vec![1, -2]));
    let twice: ArrayRef = Arc::new(UInt64Array::from(vec![1, 1]));
    for (columns, text) in [
        (vec![("a", ids())], "id: there is no such column"),
        (vec![("id", negative)], "id: a negative integer is no id"),
        (vec![("id", twice)], "id: id 1 occurs twice in the request"),
        (
            one(fixed(2, Float32Array::from(vec![1.0, f32::NAN, 1.0, 1.0]))),
            "a[0]: a vector holds",
        ),
        (
            one(Arc::new(Float64Array::from(vec![1.0, f64::INFINITY]))),
            "a[1]: an infinite number",
        ),
        (
            one(Arc::new(
                ListArray::from_iter_primitive::<Float32Type, _, _>(uneven),
            )),
            "a[1]: expected 1 dim",
        ),
        (
            one(Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(
                nothing,
            ))),
            "",
        ),
        (vec![("id", ids()), ("$a", ids())], "$a"),
    ] {
        let found = decode(
            stream(&[batch(columns)], false),
            &params(Some("dot_product"), None),
        );
        match found {
            Err(fault) => assert!(fault.to_string().contains(text), "{fault}"),
            Ok(_) => assert_eq!(text, ""),
        }
    }
    let known = params(None, Some(r#"{"a":"string"}"#));
    let body = stream(&[batch(one(ids()))], false);
    let fault = decode(body.clone(), &known).unwrap_err().to_string();
    assert!(
        fault.contains("a: expected string, got a column of Int64"),
        "{fault}"
    );
    let unknown = decode(body, &params(Some("miles"), None))
        .unwrap_err()
        .to_string();
    assert!(unknown.contains("distance_metric"), "{unknown}");
    let binary: ArrayRef = Arc::new(arrow_array::BinaryArray::from(vec![&b"x"[..], b"y"]));
    let fault = decode(stream(&[batch(one(binary))], false), &known)
        .unwrap_err()
        .to_string();
    assert!(
        fault.contains("a: no attribute type holds Arrow's Binary here"),
        "{fault}"
    );
    assert!(matches!(
        Field::new("x", DataType::Null, true).data_type(),
        DataType::Null
    ));
}

#[test]
fn should_not_inflate_more_than_there_is_room_for() {
    let zeros = Float32Array::from(vec![0.0; 1 << 20]);
    let vectors = fixed(1 << 19, zeros);
    let body = Bytes::from(stream(&[batch(vec![("id", ids()), ("v", vectors)])], true));
    assert!(body.len() < 100_000);
    let lease = Arc::new(Memory::new(1 << 20).lease(usize::MAX));
    let refused = decode_arrow(&body, &params(None, None), None, Allowance::Lease(lease));
    assert_eq!(refused.unwrap_err().kind, FaultKind::Overloaded);
}

fn sample() -> Vec<u8> {
    let words: ArrayRef = Arc::new(StringArray::from(vec![Some("a"), None]));
    let lists = vec![Some(vec![Some(1), Some(2)]), None];
    let lists: ArrayRef = Arc::new(ListArray::from_iter_primitive::<Int32Type, _, _>(lists));
    let vectors = fixed(2, Float32Array::from(vec![1.0, 2.0, 3.0, 4.0]));
    stream(
        &[batch(vec![
            ("id", ids()),
            ("v", vectors),
            ("s", words),
            ("l", lists),
        ])],
        false,
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn should_end_with_rows_or_a_fault(
        at in 0_usize..2000,
        bytes in proptest::collection::vec(any::<u8>(), 1..9),
        cut in 0_usize..2000,
    ) {
        let mut body = sample();
        let at = at % body.len();
        for (offset, byte) in bytes.into_iter().enumerate() {
            if let Some(place) = body.get_mut(at + offset) {
                *place = byte;
            }
        }
        if cut % 3 == 0 {
            body.truncate(cut % (body.len() + 1));
        }
        if let Ok(write) = decode(body, &params(Some("dot_product"), None)) {
            // Whatever came through can be read.
            for mutation in &write.command.mutations {
                if let Mutation::Upsert(rows) = mutation {
                    for row in 0..rows.len() {
                        for column in rows.columns() {
                            column.value(row);
                        }
                    }
                }
            }
        }
    }
}

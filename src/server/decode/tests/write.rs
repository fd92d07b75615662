//! Bodies of writes, decoded as a whole.

use super::{MEMORY, schema, upsert};
use crate::server::{Existence, decode::*};
use isobath_storage::model::{
    Control, Id, IdKind, Metric, Mutation, Schema, Switch, Value, VectorValue,
};
use std::sync::Arc;

fn write(body: &str, schema: Option<Arc<Schema>>) -> Result<DecodedWrite, String> {
    decode_write(body.as_bytes(), schema, Allowance::Bytes(MEMORY))
        .map_err(|fault| fault.to_string())
}

fn refusal(body: &str) -> String {
    write(body, None).unwrap_err()
}

fn declared(write: &DecodedWrite) -> Vec<String> {
    let declare = |d: &isobath_storage::model::Declaration| {
        let metric = d.metric.map_or("", Metric::as_str);
        format!("{} {} {metric}", d.attribute, d.ty)
            .trim_end()
            .to_owned()
    };
    write.command.declarations.iter().map(declare).collect()
}

#[test]
fn should_decode_rows_and_columns_alike() {
    let rows = r#"{"distance_metric":"euclidean_squared","upsert_rows":[
        {"id":7,"vector":[0.5,-2],"a":"x"},{"id":8,"vector":"AAAAPwAAAMA=","n":[1,2.5]}]}"#;
    let columns = r#"{"upsert_columns":{"a":["x",null],"id":[7,8],"n":[null,[1,2.5]],
        "vector":["AAAAPwAAAMA=",[0.5,-2]]},"distance_metric":"euclidean_squared"}"#;
    for body in [rows, columns] {
        let write = write(body, None).unwrap();
        let found = upsert(&write);
        let vector = Value::Vector(VectorValue::F32([0.5, -2.0].into()));
        assert_eq!(
            found.ids().iter().collect::<Vec<_>>(),
            [Id::U64(7), Id::U64(8)]
        );
        assert_eq!(found.value(0, "vector"), vector);
        assert_eq!(found.value(1, "vector"), vector);
        assert_eq!(found.value(0, "a"), Value::String("x".into()));
        assert_eq!(found.value(1, "a"), Value::Null);
        let array = Value::Array([Value::Float(1.0), Value::Float(2.5)].into());
        assert_eq!(found.value(1, "n"), array);
        let expected = [
            "a string",
            "id uint",
            "n []float",
            "vector [2]f32 euclidean_squared",
        ];
        assert_eq!(declared(&write), expected);
        assert_eq!(write.command.existence, Existence::Implicit);
    }
}

#[test]
fn should_take_types_from_the_schema_of_the_request_and_the_namespace() {
    let body = r#"{"upsert_rows":[{"id":"d6b4c5ce-1d1f-4a0a-b5f5-1b2c3d4e5f60","v":"AACAPw==","at":"2024-03-01","f":1}],
        "distance_metric":"dot_product",
        "schema":{"id":"uuid","v":{"type":"[1]f16","ann":true},"at":"datetime"}}"#;
    let write = write(body, Some(schema(&[("f", "float")], None))).unwrap();
    let [switch, Mutation::Upsert(rows)] = write.command.mutations.as_slice() else {
        panic!("{write:?}");
    };
    assert!(matches!(
        switch,
        Mutation::Control(Control::Switch {
            switch: Switch::Ann,
            ..
        })
    ));
    assert_eq!(rows.ids().kind(), IdKind::Uuid);
    assert_eq!(rows.value(0, "at"), Value::Datetime(1_709_251_200_000));
    assert_eq!(rows.value(0, "f"), Value::Float(1.0));
    let one = half::f16::from_f32(1.0);
    assert_eq!(
        rows.value(0, "v"),
        Value::Vector(VectorValue::F16([one].into()))
    );
    let expected = ["at datetime", "f float", "id uuid", "v [1]f16 dot_product"];
    assert_eq!(declared(&write), expected);
}

#[test]
fn should_leave_nulls_where_a_row_lacks_an_attribute() {
    let body = r#"{"upsert_rows":[{"id":1},{"id":2,"vector":[1],"late":true},{"id":3,"gone":null}],
        "distance_metric":"cosine_distance"}"#;
    let write = write(body, None).unwrap();
    let rows = upsert(&write);
    assert_eq!(rows.len(), 3);
    for (row, late) in [Value::Null, Value::Bool(true), Value::Null]
        .iter()
        .enumerate()
    {
        assert_eq!(rows.value(row, "late"), *late);
        assert_eq!(rows.value(row, "vector").is_null(), row != 1);
    }
    assert!(rows.column("gone").is_none());
}

#[test]
fn should_mask_what_a_patch_does_not_name() {
    let body = r#"{"patch_rows":[{"id":1,"a":1},{"id":2,"b":null,"a":2},
        {"id":3,"vector":{"$dims":{"1":0.5}}}]}"#;
    let current = schema(
        &[("b", "string"), ("vector", "[3]f32")],
        Some(Metric::DotProduct),
    );
    let write = write(body, Some(current)).unwrap();
    let [Mutation::Patch(mask, rows), Mutation::SparsePatch(sparse)] =
        write.command.mutations.as_slice()
    else {
        panic!("{write:?}");
    };
    let set = |name| (0..3).map(|row| mask.is_set(name, row)).collect::<Vec<_>>();
    assert_eq!(set("a"), [true, true, false]);
    assert_eq!(set("b"), [false, true, false]);
    assert_eq!(rows.value(1, "a"), Value::Int(2));
    assert!(rows.column("vector").is_none());
    assert_eq!(sparse.len(), 1);
    assert_eq!(sparse[0].id, Id::U64(3));
    assert_eq!(sparse[0].dims, [(1, 0.5)].into());
}

#[test]
fn should_decode_deletes_and_controls_first() {
    let body = r#"{"deletes":["a","b"],"create_namespace":true,
        "schema":{"id":"string","old":{"drop":true},"n":{"type":"int","filterable":false}}}"#;
    let write = write(body, None).unwrap();
    let [create, switch, drop, Mutation::Delete(ids)] = write.command.mutations.as_slice() else {
        panic!("{write:?}");
    };
    assert!(matches!(create, Mutation::Control(Control::Create)));
    assert!(matches!(switch, Mutation::Control(Control::Switch { .. })));
    assert!(matches!(
        drop,
        Mutation::Control(Control::DropAttribute { .. })
    ));
    assert_eq!(ids.len(), 2);
    assert_eq!(write.command.existence, Existence::Create);
    assert_eq!(declared(&write), ["id string", "n int"]);
}

#[test]
fn should_find_nothing_in_empty_lists() {
    assert!(
        write(r#"{"upsert_rows":[],"deletes":[]}"#, None)
            .unwrap()
            .is_empty()
    );
}

#[test]
fn should_name_where_a_write_is_wrong() {
    for (body, text) in [
        (r"{}", "the write holds nothing to do"),
        (
            r#"{"upsert_rows":{"id":1}}"#,
            "upsert_rows: invalid type: map, expected a sequence",
        ),
        (
            r#"{"upsert_rows":[{"a":1}]}"#,
            "upsert_rows[0]: a row needs an `id`",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"id":2}]}"#,
            "upsert_rows[0].id: given twice",
        ),
        (
            r#"{"upsert_rows":[{"id":-1}]}"#,
            "upsert_rows[0].id: -1 is negative; an id is not",
        ),
        (
            r#"{"upsert_rows":[{"id":1},{"id":"x"}]}"#,
            "upsert_rows[1].id: the ids here are uint, but this one is string",
        ),
        (
            r#"{"upsert_rows":[{"id":1}],"deletes":[2,1]}"#,
            "deletes: id 1 occurs twice in the request",
        ),
    ] {
        assert_eq!(refusal(body), text, "{body}");
    }
}

#[test]
fn should_name_the_value_that_is_wrong() {
    for (body, text) in [
        (
            r#"{"upsert_rows":[{"id":1,"vector":[1,2]},{"id":2,"vector":[1]}]}"#,
            "upsert_rows[1].vector: expected 2 dimensions, found 1",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"vector":[1,1e39]}]}"#,
            "upsert_rows[0].vector[1]: not a finite 32-bit float",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"vector":["a"]}]}"#,
            "upsert_rows[0].vector: invalid type: string \"a\", expected f32",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"vector":"AAA="}]}"#,
            "upsert_rows[0].vector: 2 bytes are no whole number of 32-bit floats",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"vector":7}]}"#,
            "upsert_rows[0].vector: expected a vector, got the integer 7",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"vector":[1]}]}"#,
            "distance_metric: needed for attribute vector, which has no distance yet",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"a":{"b":1}}]}"#,
            "upsert_rows[0].a: an object is no value of an attribute",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"a":1},{"id":2,"a":"x"}]}"#,
            "upsert_rows[1].a: the attribute is int in other rows, but here it is string",
        ),
        (
            r#"{"upsert_columns":{"id":[1,2],"a":[1]}}"#,
            "upsert_columns.a: 1 values for 2 ids",
        ),
        (
            r#"{"upsert_columns":{"id":[1,2],"vector":[[1],[1,2]]}}"#,
            "upsert_columns.vector[1]: expected 1 dimensions, found 2",
        ),
        (
            r#"{"upsert_columns":{"a":[1]}}"#,
            "upsert_columns: columns need an `id`",
        ),
    ] {
        assert_eq!(refusal(body), text, "{body}");
    }
}

#[test]
fn should_name_the_feature_that_a_write_cannot_have() {
    for (body, text) in [
        (
            r#"{"patch_rows":[{"id":1,"vector":[1,2]}]}"#,
            "patch_rows[0].vector: a vector cannot be patched whole: upsert the row, or give `$dims`",
        ),
        (
            r#"{"delete_by_filter":["a","Near",1]}"#,
            "delete_by_filter: unknown filter operator \"Near\"",
        ),
        (
            r#"{"patch_by_filter":{"filters":["a","Eq",1]}}"#,
            "patch_by_filter: missing field `patch`",
        ),
        (
            r#"{"patch_by_filter":{"filters":["a","Eq",1],"patch":{"id":1}}}"#,
            "patch_by_filter.patch.id: an id cannot be patched",
        ),
        (
            r#"{"patch_by_filter":{"filters":["a","Eq",1],"patch":{"vector":[1]}}}"#,
            "patch_by_filter.patch.vector: a vector cannot be patched whole: upsert the row, or give `$dims`",
        ),
        (
            r#"{"deletes":[1],"delete_condition":["a","Eq",{"$ref_new":1}]}"#,
            "delete_condition: `{\"$ref_new\": attribute}` stands for the value of Eq, NotEq, Lt, Lte, Gt or Gte",
        ),
        (
            r#"{"deletes":[1],"colour":"red"}"#,
            "unknown field `colour`",
        ),
        (
            r#"{"deletes":[1.5]}"#,
            "deletes[0]: 1.5 is no unsigned 64-bit integer",
        ),
        (
            r#"{"deletes":[1],"encryption":{"mode":"customer-managed","key_name":"k"}}"#,
            "encryption: Malformed Cloud KMS crypto key: k",
        ),
        (
            r#"{"deletes":[1],"schema":{"a":{"type":"string","full_text_search":{"b":2}}}}"#,
            "schema.a.full_text_search.b: expected a number between 0 and 1",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"$x":1}]}"#,
            "upsert_rows[0]: attribute \"$x\" is not valid: 1 to 128 bytes, not starting with '$'",
        ),
        (
            r#"{"upsert_rows":[{"id":1}"#,
            "malformed JSON: EOF while parsing a list",
        ),
        ("[]", "invalid type: sequence, expected a map"),
    ] {
        assert_eq!(refusal(body), text, "{body}");
    }
}

#[test]
fn should_refuse_what_contradicts_the_namespace() {
    let current = || {
        let mut schema = schema(
            &[("a", "int"), ("v", "[2]f32")],
            Some(Metric::CosineDistance),
        );
        Arc::make_mut(&mut schema).id_kind = Some(IdKind::Uint);
        Some(schema)
    };
    for (body, text) in [
        (
            r#"{"deletes":["x"]}"#,
            "deletes[0]: the ids here are uint, but this one is string",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"a":"x"}]}"#,
            "upsert_rows[0].a: expected int, got the string \"x\"",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"v":[1,2,3]}]}"#,
            "upsert_rows[0].v: expected 2 dimensions, found 3",
        ),
        (
            r#"{"upsert_rows":[{"id":1,"v":[1,2]}],"distance_metric":"dot_product"}"#,
            "distance_metric: attribute v has cosine_distance, which cannot become dot_product",
        ),
        (
            r#"{"schema":{"a":"string"}}"#,
            "schema.a: the type is int and cannot become string",
        ),
        (
            r#"{"patch_rows":[{"id":1,"v":{"$dims":{"2":1}}}]}"#,
            "patch_rows[0].v.$dims: dimension 2 of a vector of 2 dimensions",
        ),
        (
            r#"{"patch_rows":[{"id":1,"a":{"$dims":{"2":1}}}]}"#,
            "patch_rows[0].a: `$dims` needs a vector, the attribute is int",
        ),
    ] {
        assert_eq!(write(body, current()).unwrap_err(), text, "{body}");
    }
}

#[test]
fn should_bound_the_memory_of_rows_that_lack_attributes() {
    let rows: Vec<String> = (0..2000).map(|id| format!(r#"{{"id":{id}}}"#)).collect();
    let last = r#"{"id":2000,"vector":[1,2,3,4,5,6,7,8,9,10]}"#;
    let vectors = [last; 1].join(",");
    let body = format!(
        r#"{{"distance_metric":"dot_product","upsert_rows":[{},{vectors}]}}"#,
        rows.join(",")
    );
    let refused = decode_write(body.as_bytes(), None, Allowance::Bytes(100_000)).unwrap_err();
    assert_eq!(refused.kind, FaultKind::TooLarge);
    assert!(decode_write(body.as_bytes(), None, Allowance::Bytes(MEMORY)).is_ok());
}

#[test]
fn should_decode_a_schema_update() {
    let current = schema(&[("a", "string")], None);
    let update = |body: &str| {
        decode_schema(
            body.as_bytes(),
            Some(Arc::clone(&current)),
            Allowance::Bytes(MEMORY),
        )
    };
    let write = update(r#"{"a":{"type":"string","filterable":false}}"#).unwrap();
    assert_eq!(write.command.existence, Existence::MustExist);
    assert_eq!(declared(&write), ["a string"]);
    assert!(update("{}").is_err());
    assert!(update(r#"{"b":{"filterable":true}}"#).is_err());
}

#[test]
fn should_bound_what_a_namespace_holds() {
    let two = || {
        Some(schema(
            &[("a", "[2]f32"), ("b", "[2]f16")],
            Some(Metric::DotProduct),
        ))
    };
    let third = r#"{"upsert_rows":[{"id":1,"vector":[1,2]}],"distance_metric":"dot_product"}"#;
    assert_eq!(
        write(third, two()).unwrap_err(),
        "schema.vector: a namespace has at most 2 vector attributes"
    );
    let instead = third.replacen('{', r#"{"schema":{"a":{"drop":true}},"#, 1);
    assert!(write(&instead, two()).is_ok());
    assert!(write(r#"{"upsert_rows":[{"id":1,"b":[1,2]}]}"#, two()).is_ok());

    let names: Vec<String> = (0..1023).map(|at| format!("a{at}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "int")).collect();
    let many = || Some(schema(&many, None));
    assert!(write(r#"{"upsert_rows":[{"id":1,"x":1}]}"#, many()).is_ok());
    assert_eq!(
        write(r#"{"upsert_rows":[{"id":1,"x":1,"y":1}]}"#, many()).unwrap_err(),
        "schema.y: a namespace has at most 1024 attributes"
    );
}

#[test]
fn should_bound_values_by_what_filters_may_name() {
    let long = "x".repeat(5000);
    let body = |schema: &str| {
        format!(r#"{{"upsert_rows":[{{"id":1}},{{"id":2,"a":"{long}"}}],"schema":{schema}}}"#)
    };
    let refused = write(&body(r#"{"a":"string"}"#), None).unwrap_err();
    assert!(
        refused.starts_with("upsert_rows[1].a: 5000 bytes; a value of a filterable attribute"),
        "{refused}"
    );
    for config in [r#""filterable":false"#, r#""regex":true"#, r#""glob":true"#] {
        let open = format!(r#"{{"a":{{"type":"string",{config}}}}}"#);
        assert!(write(&body(&open), None).is_ok(), "{config}");
    }
    let both = r#"{"a":{"type":"string","regex":true,"filterable":true}}"#;
    assert!(write(&body(both), None).is_err());
}

#[test]
fn should_give_a_dropped_attribute_another_type() {
    let current = schema(
        &[("a", "int"), ("vector", "[2]f32")],
        Some(Metric::CosineDistance),
    );
    let body = r#"{"upsert_rows":[{"id":1,"a":"x","vector":[1,2,3]}],"distance_metric":"dot_product",
                   "schema":{"a":{"drop":true},"vector":{"drop":true}}}"#;
    let write = write(body, Some(current)).unwrap();
    assert_eq!(
        declared(&write),
        ["a string", "id uint", "vector [3]f32 dot_product"]
    );
    assert!(matches!(
        write.command.mutations.as_slice(),
        [
            Mutation::Control(_),
            Mutation::Control(_),
            Mutation::Upsert(_)
        ]
    ));
}

#[test]
fn should_decode_writes_by_filter() {
    let body = r#"{"delete_by_filter":["a","Eq",1],"delete_by_filter_allow_partial":true,
                   "patch_by_filter":{"filters":["a","Gt",1],"patch":{"b":"x","c":null}},
                   "upsert_rows":[{"id":7,"a":1}],"upsert_condition":["id","Eq",null],
                   "return_affected_ids":true}"#;
    let decoded = write(body, None).unwrap();
    let command = &decoded.command;
    assert!(command.depends_on_rows() && depends_on_rows(body.as_bytes()));
    assert!(command.delete_by_filter.as_ref().unwrap().allow_partial);
    let patch = command.patch_by_filter.as_ref().unwrap();
    assert!(!patch.rows.allow_partial);
    let values: Vec<_> = patch.columns.iter().map(|c| c.value(0)).collect();
    assert_eq!(values, [Value::String("x".into())]);
    assert!(command.conditions.upsert.is_some() && command.return_ids);
    assert_eq!(declared(&decoded), ["a int", "b string", "id uint"]);
    let alone = write(r#"{"delete_by_filter":["a","Eq",1]}"#, None).unwrap();
    assert!(!alone.is_empty() && alone.command.existence == Existence::Implicit);
    assert!(!depends_on_rows(br#"{"deletes":[1]}"#));
}

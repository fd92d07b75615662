//! Rows of a JSON Lines file as the columns of a write request.

use super::{
    batch::Column,
    columns::{Naming, push_base64},
};
use anyhow::{Context as _, bail, ensure};
use isobath_storage::model::{AttributeType, VectorElement};
use serde_json::{Map, Value};
use std::{
    collections::BTreeSet,
    io::{BufRead, Read as _},
};

/// The longest line that is read, bytes.
const MAX_LINE: u64 = 64 << 20;

/// One row of a file.
pub(super) type Row = Map<String, Value>;

/// Reads up to `rows` rows; fewer only at the end. `line` counts the file's lines.
pub(super) fn read(
    file: &mut impl BufRead,
    line: &mut u64,
    rows: usize,
) -> anyhow::Result<Vec<Row>> {
    let mut found = Vec::new();
    let mut text = Vec::new();
    while found.len() < rows {
        text.clear();
        if file
            .by_ref()
            .take(MAX_LINE + 1)
            .read_until(b'\n', &mut text)?
            == 0
        {
            break;
        }
        *line += 1;
        ensure!(
            text.len() as u64 <= MAX_LINE,
            "line {line} is longer than {MAX_LINE} bytes"
        );
        if text.trim_ascii().is_empty() {
            continue;
        }
        let row = serde_json::from_slice(&text).with_context(|| format!("line {line}"))?;
        found.push(row);
    }
    Ok(found)
}

/// The columns of some rows, `id` among them; a row without a value has null.
pub(super) fn columns(rows: &[Row], naming: &Naming) -> anyhow::Result<Vec<Column>> {
    let names: BTreeSet<&String> = rows.iter().flat_map(Row::keys).collect();
    let mut columns = Vec::with_capacity(names.len());
    for name in names {
        let Some(attribute) = naming.attribute(name) else {
            continue;
        };
        let values = rows.iter().map(|row| row.get(name).unwrap_or(&Value::Null));
        let (kind, json) = if naming.is_vector(name) {
            vectors(values).with_context(|| format!("column `{name}`"))?
        } else {
            let sparse = values.clone().any(Value::is_object);
            (sparse.then_some(AttributeType::Sparse), list(values))
        };
        columns.push(Column {
            name: attribute.to_owned(),
            kind,
            json,
        });
    }
    Ok(columns)
}

/// Vectors as base64 of little-endian 32-bit floats; what is base64 already stays.
fn vectors<'a>(
    values: impl Iterator<Item = &'a Value>,
) -> anyhow::Result<(Option<AttributeType>, String)> {
    let mut dim = None;
    let mut json = String::from("[");
    for (row, value) in values.enumerate() {
        json.push_str(if row == 0 { "" } else { "," });
        match value {
            Value::Null | Value::String(_) => json.push_str(&value.to_string()),
            Value::Array(items) => {
                #[expect(clippy::cast_possible_truncation, reason = "vectors are 32-bit floats")]
                let vector: Option<Vec<f32>> = items
                    .iter()
                    .map(|item| Some(item.as_f64()? as f32))
                    .collect();
                let vector = vector.with_context(|| format!("row {row} has more than numbers"))?;
                let expected = *dim.get_or_insert(vector.len());
                ensure!(
                    vector.len() == expected,
                    "row {row} has {} dimensions, others {expected}",
                    vector.len()
                );
                push_base64(&mut json, &vector);
            }
            other => bail!("row {row} has {other} where a vector is expected"),
        }
    }
    json.push(']');
    let element = VectorElement::F32;
    let dim = dim.and_then(|dim| u32::try_from(dim).ok());
    Ok((dim.map(|dim| AttributeType::Vector { dim, element }), json))
}

/// Values as a JSON array.
fn list<'a>(values: impl Iterator<Item = &'a Value>) -> String {
    let values: Vec<String> = values.map(Value::to_string).collect();
    format!("[{}]", values.join(","))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn should_gather_columns_of_rows_with_different_keys() {
        let text = "{\"_id\":18446744073709551615,\"vector\":[1,-1]}\n\n{\"_id\":2,\"tag\":\"x\"}";
        let naming = Naming {
            id: "_id".to_owned(),
            vectors: Vec::new(),
            exclude: Vec::new(),
        };
        let mut line = 0;
        let rows = read(&mut text.as_bytes(), &mut line, 10).unwrap();
        assert_eq!((rows.len(), line), (2, 3));
        let columns = columns(&rows, &naming).unwrap();
        let named: Vec<(&str, Value)> = columns
            .iter()
            .map(|c| (c.name.as_str(), serde_json::from_str(&c.json).unwrap()))
            .collect();
        let expected = [
            ("id", json!([u64::MAX, 2])),
            ("tag", json!([null, "x"])),
            ("vector", json!(["AACAPwAAgL8=", null])),
        ];
        assert_eq!(named, expected);
        assert_eq!(columns[2].kind.unwrap().to_string(), "[2]f32");
    }

    #[test]
    fn should_take_objects_for_sparse_vectors() {
        let naming = Naming {
            id: "id".to_owned(),
            vectors: Vec::new(),
            exclude: Vec::new(),
        };
        let text = "{\"id\":1}\n{\"id\":2,\"terms\":{\"7\":0.5}}";
        let rows = read(&mut text.as_bytes(), &mut 0, 10).unwrap();
        let columns = columns(&rows, &naming).unwrap();
        assert_eq!(columns[1].kind, Some(AttributeType::Sparse));
        assert_eq!(columns[1].json, "[null,{\"7\":0.5}]");
    }

    #[test]
    fn should_name_the_line_that_is_no_object() {
        let mut line = 0;
        let error = read(&mut "{}\n[1]\n".as_bytes(), &mut line, 10).unwrap_err();
        assert!(format!("{error:#}").starts_with("line 2: "), "{error:#}");
    }
}

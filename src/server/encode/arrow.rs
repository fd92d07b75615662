//! The rows of an answer as an Arrow IPC stream.

use crate::server::{
    decode::{DecodedQuery, Fault},
    engine::Queried,
};
use arrow_array::{Array, ArrayRef, Float32Array, RecordBatch, StringArray, UInt64Array};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, Field, Schema as ArrowSchema};
use isobath_query::search::Hit;
use isobath_storage::model::{
    AttributeName, AttributeType, Column, Id, IdKind, ScalarType, Schema, Value,
};
use std::{collections::BTreeSet, sync::Arc};

/// The rows that `asked` found: `id`, `$dist` where rows have one, then the attributes by name.
pub(crate) fn arrow_stream(asked: &DecodedQuery, queried: &Queried) -> Result<Vec<u8>, Fault> {
    let one = match (asked.asked.as_slice(), queried.answers.as_slice()) {
        ([asked], [answer]) if asked.rows && asked.query.aggregates.is_empty() => answer,
        (_, [answer]) if asked.fusion.is_some() => answer,
        _ => {
            let text = "an Arrow stream holds the rows of one query; ask for JSON";
            return Err(Fault::invalid(text).under("accept"));
        }
    };
    let batch = batch(&one.rows, &queried.schema).and_then(|batch| {
        let mut writer = StreamWriter::try_new(vec![], &batch.schema())?;
        writer.write(&batch)?;
        writer.finish()?;
        writer.into_inner()
    });
    batch.map_err(|e| Fault::invalid(format!("the rows fit into no Arrow stream: {e}")))
}

fn batch(hits: &[Hit], schema: &Schema) -> Result<RecordBatch, ArrowError> {
    let mut columns = vec![("id".to_owned(), ids(hits, schema.id_kind)?)];
    if hits.iter().any(|hit| hit.distance.is_some()) {
        let distances: Float32Array = hits.iter().map(|hit| hit.distance).collect();
        columns.push(("$dist".to_owned(), Arc::new(distances)));
    }
    let names = hits
        .iter()
        .flat_map(|hit| &hit.attributes)
        .map(|(name, _)| name);
    for name in names.collect::<BTreeSet<&AttributeName>>() {
        let Some(config) = schema.get(name.as_str()) else {
            continue;
        };
        columns.push((name.as_str().to_owned(), attribute(hits, name, config.ty)?));
    }
    let field = |(name, array): &(String, ArrayRef)| {
        Field::new(name, array.data_type().clone(), name != "id")
    };
    let fields: Vec<Field> = columns.iter().map(field).collect();
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    RecordBatch::try_new(Arc::new(ArrowSchema::new(fields)), arrays)
}

fn ids(hits: &[Hit], kind: Option<IdKind>) -> Result<ArrayRef, ArrowError> {
    let ids = hits.iter().map(|hit| &hit.id);
    Ok(match kind {
        Some(IdKind::Uuid) => {
            let values: Vec<Value> = ids.map(|id| Value::from(id.clone())).collect();
            let ty = AttributeType::Scalar(ScalarType::Uuid);
            column(AttributeName::id(), ty, &values)?
        }
        Some(IdKind::String) => {
            Arc::new(ids.map(|id| Some(id.to_string())).collect::<StringArray>())
        }
        _ => {
            let number = |id: &Id| match id {
                Id::U64(number) => *number,
                _ => 0,
            };
            Arc::new(UInt64Array::from_iter_values(ids.map(number)))
        }
    })
}

fn attribute(
    hits: &[Hit],
    name: &AttributeName,
    ty: AttributeType,
) -> Result<ArrayRef, ArrowError> {
    let value = |hit: &Hit| {
        let found = hit.attributes.iter().find(|(other, _)| other == name);
        found.map_or(Value::Null, |(_, value)| value.clone())
    };
    let values: Vec<Value> = hits.iter().map(value).collect();
    column(name.clone(), ty, &values)
}

fn column(
    name: AttributeName,
    ty: AttributeType,
    values: &[Value],
) -> Result<ArrayRef, ArrowError> {
    let text = format!("attribute {name} holds values of several types");
    let column = Column::from_values(name, ty, values);
    column
        .map(|column| column.array)
        .ok_or(ArrowError::CastError(text))
}

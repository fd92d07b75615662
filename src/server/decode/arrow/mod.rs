//! [`decode_arrow`]: from an Arrow IPC stream to a write's command. Columns whose types fit are taken as they
//! lie in the body.

mod check;
mod column;
mod ids;

use super::{
    Allowance, Budget, DecodedWrite, Fault, Types, declared::MAX_ATTRIBUTES, declared::parse_name,
    limits::check_rows, read_schema, write::logical_bytes,
};
use crate::server::WriteCommand;
use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::StreamDecoder;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use isobath_storage::model::{Metric, Mutation, Rows, Schema};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

/// What is said about the rows of a stream, in the query string.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ArrowParams {
    /// The distance of vectors that are new to the namespace.
    distance_metric: Option<String>,
    /// The schema as JSON, as in the body of any other write.
    schema: Option<String>,
    /// The rows are written even where much waits to be folded.
    disable_backpressure: Option<bool>,
    /// Clients name the form of a call in it.
    #[serde(rename = "stainless_overload")]
    _overload: Option<String>,
}

/// Decodes rows that replace those of the same ids in a namespace that has `schema` now.
pub(crate) fn decode_arrow(
    body: &Bytes,
    params: &ArrowParams,
    schema: Option<Arc<Schema>>,
    memory: Allowance,
) -> Result<DecodedWrite, Fault> {
    let budget = Budget::new(memory);
    let types = types(params, schema)?;
    check::check_stream(body, &budget)?;
    let batch = read(body, &budget)?;
    let at = batch.schema().index_of("id");
    let at = at.map_err(|_| Fault::invalid("there is no such column").under("id"))?;
    if batch.num_columns() > MAX_ATTRIBUTES {
        return Err(Fault::invalid(format!(
            "more than {MAX_ATTRIBUTES} columns"
        )));
    }
    let ids = ids::read(batch.column(at), types.id_kind(), &budget);
    let ids = ids.map_err(|fault| fault.under("id"))?;
    let (mut columns, mut used) = (vec![], BTreeMap::new());
    for (field, array) in batch.schema().fields().iter().zip(batch.columns()) {
        if field.name() == "id" {
            continue;
        }
        let name = parse_name(field.name())?;
        let known = types.of(name.as_str());
        let is_vector = types.is_vector(name.as_str());
        let filterable = types.is_filterable(name.as_str());
        let read = column::read(&name, array, known, is_vector, filterable, &budget);
        if let Some(column) = read.map_err(|fault| fault.under(name.as_str()))? {
            used.insert(name, column.ty);
            columns.push(column);
        }
    }
    let kind = (!ids.is_empty()).then(|| ids.kind());
    let rows = Rows::new(ids, columns).map_err(|e| Fault::invalid(e.to_string()))?;
    check_rows(&rows).map_err(|(row, fault)| fault.at(row))?;
    let bytes = logical_bytes(&rows);
    let declarations = types.declarations(&used, kind)?;
    let mut mutations: Vec<_> = types
        .controls()
        .into_iter()
        .map(Mutation::Control)
        .collect();
    if !rows.is_empty() {
        mutations.push(Mutation::Upsert(rows));
    }
    Ok(DecodedWrite {
        command: WriteCommand {
            declarations: if mutations.is_empty() {
                vec![]
            } else {
                declarations
            },
            mutations,
            ..WriteCommand::default()
        },
        logical_bytes: bytes,
        disable_backpressure: params.disable_backpressure == Some(true),
        concern: None,
    })
}

fn types(params: &ArrowParams, schema: Option<Arc<Schema>>) -> Result<Types, Fault> {
    let metric = params
        .distance_metric
        .as_deref()
        .map(str::parse::<Metric>)
        .transpose();
    let metric = metric.map_err(|e| Fault::invalid(e.to_string()).under("distance_metric"))?;
    let declared = params.schema.as_deref().map(|text| {
        let json: &RawValue = serde_json::from_str(text).map_err(|e| Fault::of_json(&e))?;
        read_schema(json)
    });
    let declared = declared
        .transpose()
        .map_err(|fault| fault.under("schema"))?;
    Types::new(declared.unwrap_or_default(), schema, metric)
}

/// The rows of the stream, which was checked.
fn read(body: &Bytes, budget: &Budget) -> Result<RecordBatch, Fault> {
    // The stream was checked, but its reader is not made for what comes from anybody.
    let read = catch_unwind(AssertUnwindSafe(|| read_batches(body)));
    let batches = read.unwrap_or_else(|_| Err("its parts contradict each other".to_owned()));
    let mut batches = batches.map_err(|e| Fault::invalid(format!("no Arrow stream: {e}")))?;
    match (batches.len(), batches.pop()) {
        (1, Some(only)) => Ok(only),
        (_, None) => Err(Fault::invalid("the Arrow stream holds no rows")),
        (_, Some(last)) => {
            batches.push(last);
            let sizes = batches.iter().map(RecordBatch::get_array_memory_size);
            budget.take(sizes.fold(0, usize::saturating_add))?;
            let joined = concat_batches(&batches[0].schema(), &batches);
            joined.map_err(|e| Fault::invalid(format!("no Arrow stream: {e}")))
        }
    }
}

fn read_batches(body: &Bytes) -> Result<Vec<RecordBatch>, String> {
    let mut decoder = StreamDecoder::new();
    let mut rest = Buffer::from(body.clone());
    let mut batches = vec![];
    while !rest.is_empty() {
        let before = rest.len();
        match decoder.decode(&mut rest).map_err(|e| e.to_string())? {
            Some(batch) => batches.push(batch),
            // What stands behind the end of the stream is nothing of ours.
            None if rest.len() == before => break,
            None => {}
        }
    }
    decoder.finish().map_err(|e| e.to_string())?;
    Ok(batches)
}

#[cfg(test)]
mod tests;

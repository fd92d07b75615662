//! Records: one mutation each, of a kind with a fixed number.
//!
//! | numbers | kinds | fields |
//! |---|---|---|
//! | 1, 2 | upsert, patch | rows · stream of ids and attributes · stream of vectors |
//! | 3, 4 | sparse patch, delete | rows · stream |
//! | 16 … 23 | create, delete, switch, drop, policy, adopt, batch, publish | JSON |
//!
//! In a stream `id` is the row's id and `$set:name` says in which rows a patch sets `name`.

use super::{VectorCodec, WHAT, block::Streams, shuffle};
use crate::format::{
    FormatError,
    cursor::{Cursor, Put},
    ipc::{Batch, Compression, ID, Tagged, id_column, ids_of, read_stream, write_stream},
};
use crate::model::{
    AttributeName, AttributeType, Column, Control, Id, IdColumn, Mutation, PatchMask, Rows,
    ScalarType, SparsePatch, Value,
};
use arrow_array::{Array, ArrayRef, BooleanArray, cast::AsArray};
use arrow_buffer::Buffer;
use std::{collections::BTreeMap, ops::RangeInclusive, sync::Arc};

const UPSERT: u8 = 1;
const PATCH: u8 = 2;
const SPARSE_PATCH: u8 = 3;
const DELETE: u8 = 4;
const CONTROLS: RangeInclusive<u8> = 16..=23;

/// Starts the name of the column that says in which rows a patch sets the attribute behind it.
const SET: &str = "$set:";
/// The columns of sparse patches: the attribute, the dimensions, their values.
const SPARSE: [(&str, AttributeType); 3] = [
    ("$attribute", AttributeType::Scalar(ScalarType::String)),
    ("$dims", AttributeType::Array(ScalarType::Uint)),
    ("$values", AttributeType::Array(ScalarType::Float)),
];

/// Writes `mutation` to `frame`, its columns to `streams`.
pub(super) fn encode(
    mutation: &Mutation,
    codec: VectorCodec,
    frame: &mut Vec<u8>,
    streams: &mut Streams,
) -> Result<(), FormatError> {
    match mutation {
        Mutation::Upsert(rows) => {
            frame.put_u8(UPSERT);
            put_rows(rows, Vec::new(), codec, frame, streams)
        }
        Mutation::Patch(mask, rows) => {
            frame.put_u8(PATCH);
            put_rows(rows, mask_columns(mask), codec, frame, streams)
        }
        Mutation::SparsePatch(patches) => {
            frame.put_u8(SPARSE_PATCH);
            put_columns(patches.len(), &sparse_columns(patches)?, frame, streams)
        }
        Mutation::Delete(ids) => {
            frame.put_u8(DELETE);
            put_columns(ids.len(), &[id_column(WHAT, ids)?], frame, streams)
        }
        Mutation::Control(control) => {
            frame.put_u8(control_number(control));
            let json = serde_json::to_string(control);
            let json = json.map_err(|source| FormatError::Json { what: WHAT, source })?;
            frame.put_text(WHAT, &json)
        }
    }
}

/// Reads what [`encode`] wrote; `streams` are those of the block.
pub(super) fn decode(
    frame: &mut Cursor<'_>,
    codec: VectorCodec,
    streams: &Buffer,
) -> Result<Mutation, FormatError> {
    match frame.u8()? {
        UPSERT => Ok(Mutation::Upsert(take_rows(frame, codec, streams)?.1)),
        PATCH => {
            let (mask, rows) = take_rows(frame, codec, streams)?;
            Ok(Mutation::Patch(mask, rows))
        }
        SPARSE_PATCH => take_sparse(&take_columns(frame, streams)?).map(Mutation::SparsePatch),
        DELETE => match take_columns(frame, streams)?.columns.as_slice() {
            [ids] if ids.name == ID => Ok(Mutation::Delete(ids_of(WHAT, ids)?)),
            _ => Err(FormatError::corrupt(
                WHAT,
                "a deletion of something but ids",
            )),
        },
        number if CONTROLS.contains(&number) => {
            let control = serde_json::from_str(frame.text()?);
            let control = control.map_err(|source| FormatError::Json { what: WHAT, source })?;
            if control_number(&control) != number {
                return Err(FormatError::corrupt(WHAT, "a control of two kinds"));
            }
            Ok(Mutation::Control(control))
        }
        number => Err(FormatError::corrupt(
            WHAT,
            format!("record kind {number} is not known"),
        )),
    }
}

fn control_number(control: &Control) -> u8 {
    match control {
        Control::Create => 16,
        Control::Delete => 17,
        Control::Switch { .. } => 18,
        Control::DropAttribute { .. } => 19,
        Control::Policy { .. } => 20,
        Control::Adopt { .. } => 21,
        Control::Batch { .. } => 22,
        Control::Publish { .. } => 23,
    }
}

/// Writes rows as two streams; `first` are further columns of the first.
fn put_rows(
    rows: &Rows,
    first: Vec<Tagged>,
    codec: VectorCodec,
    frame: &mut Vec<u8>,
    streams: &mut Streams,
) -> Result<(), FormatError> {
    if rows.column(ID).is_some() {
        return Err(FormatError::invalid(WHAT, "an attribute is named `id`"));
    }
    let tagged = |column: &Column| Tagged {
        name: column.name.as_str().to_owned(),
        ty: column.ty.into(),
        array: Arc::clone(&column.array),
    };
    let (vectors, attributes): (Vec<_>, Vec<_>) = rows
        .columns()
        .iter()
        .partition(|column| column.ty.is_vector());
    let vectors: Vec<Tagged> = vectors.into_iter().map(tagged).collect();
    let mut columns = vec![id_column(WHAT, rows.ids())?];
    columns.extend(first);
    columns.extend(attributes.into_iter().map(tagged));
    put_columns(rows.len(), &columns, frame, streams)?;
    let mut stream = Vec::new();
    if !vectors.is_empty() {
        stream = write_stream(WHAT, rows.len(), &vectors, Compression::None)?;
        if codec == VectorCodec::Shuffled {
            stream = vec![Buffer::from_vec(shuffle::compress(&stream)?)];
        }
    }
    streams.push(frame, stream);
    Ok(())
}

fn take_rows(
    frame: &mut Cursor<'_>,
    codec: VectorCodec,
    streams: &Buffer,
) -> Result<(PatchMask, Rows), FormatError> {
    let Batch { rows, mut columns } = take_columns(frame, streams)?;
    let mut vectors = take_stream(frame, streams)?;
    if !vectors.is_empty() {
        if codec == VectorCodec::Shuffled {
            vectors = shuffle::decompress(&vectors)?;
        }
        columns.extend(read_stream(WHAT, &vectors)?.columns);
    }
    let (mut ids, mut mask, mut attributes) = (None, PatchMask::all(), Vec::new());
    for column in columns {
        if column.name == ID {
            ids = Some(ids_of(WHAT, &column)?);
        } else if let Some(attribute) = column.name.strip_prefix(SET) {
            let set = column
                .array
                .as_boolean_opt()
                .filter(|set| set.null_count() == 0);
            let set = set.ok_or_else(|| FormatError::corrupt(WHAT, "a patch's mask is no mask"))?;
            mask.insert(name(attribute)?, set.values().clone());
        } else {
            let ty = column.ty.attribute();
            let ty = ty.ok_or_else(|| FormatError::corrupt(WHAT, "a column is no attribute"))?;
            attributes.push(Column {
                name: name(&column.name)?,
                ty,
                array: column.array,
            });
        }
    }
    let ids = ids.filter(|ids| ids.len() == rows);
    let ids = ids.ok_or_else(|| FormatError::corrupt(WHAT, "rows without ids"))?;
    let rows = Rows::new(ids, attributes)
        .map_err(|error| FormatError::corrupt(WHAT, error.to_string()))?;
    Ok((mask, rows))
}

fn mask_columns(mask: &PatchMask) -> Vec<Tagged> {
    let column = |(attribute, rows): (&AttributeName, &arrow_buffer::BooleanBuffer)| Tagged {
        name: format!("{SET}{attribute}"),
        ty: AttributeType::Scalar(ScalarType::Bool).into(),
        array: Arc::new(BooleanArray::new(rows.clone(), None)),
    };
    mask.partial().map(column).collect()
}

fn sparse_columns(patches: &[SparsePatch]) -> Result<Vec<Tagged>, FormatError> {
    let kind = patches
        .first()
        .map_or(crate::model::IdKind::Uint, |patch| patch.id.kind());
    let ids = IdColumn::from_ids(kind, patches.iter().map(|patch| &patch.id))
        .ok_or_else(|| FormatError::invalid(WHAT, "sparse patches of ids of several kinds"))?;
    let mut columns = vec![id_column(WHAT, &ids)?];
    let values: [fn(&SparsePatch) -> Value; 3] = [
        |patch| Value::String(patch.attribute.as_str().into()),
        |patch| {
            Value::Array(
                patch
                    .dims
                    .keys()
                    .map(|d| Value::Uint((*d).into()))
                    .collect(),
            )
        },
        |patch| {
            Value::Array(
                patch
                    .dims
                    .values()
                    .map(|v| Value::Float((*v).into()))
                    .collect(),
            )
        },
    ];
    for ((name, ty), value) in SPARSE.into_iter().zip(values) {
        columns.push(Tagged {
            name: name.to_owned(),
            ty: ty.into(),
            array: array(ty, patches, value)?,
        });
    }
    Ok(columns)
}

fn array(
    ty: AttributeType,
    patches: &[SparsePatch],
    value: fn(&SparsePatch) -> Value,
) -> Result<ArrayRef, FormatError> {
    let values: Vec<Value> = patches.iter().map(value).collect();
    Column::from_values(AttributeName::id(), ty, &values)
        .map(|column| column.array)
        .ok_or_else(|| FormatError::invalid(WHAT, "a sparse patch holds no finite numbers"))
}

fn take_sparse(batch: &Batch) -> Result<Vec<SparsePatch>, FormatError> {
    let bad = || FormatError::corrupt(WHAT, "a sparse patch lacks a part");
    let [ids, rest @ ..] = batch.columns.as_slice() else {
        return Err(bad());
    };
    let given: Vec<_> = rest
        .iter()
        .map(|column| (column.name.as_str(), column.ty.attribute()))
        .collect();
    if ids.name != ID || given != SPARSE.map(|(name, ty)| (name, Some(ty))) {
        return Err(bad());
    }
    let column = |at: usize| Column {
        name: AttributeName::id(),
        ty: SPARSE[at].1,
        array: Arc::clone(&rest[at].array),
    };
    let (attributes, dims, values) = (column(0), column(1), column(2));
    let ids: Vec<Id> = ids_of(WHAT, ids)?.iter().collect();
    let patch = |(row, id)| {
        let attribute = match attributes.value(row) {
            Value::String(text) => name(&text)?,
            _ => return Err(bad()),
        };
        let dims = sparse_dims(&dims.value(row), &values.value(row)).ok_or_else(bad)?;
        Ok(SparsePatch {
            id,
            attribute,
            dims,
        })
    };
    ids.into_iter().enumerate().map(patch).collect()
}

fn sparse_dims(dims: &Value, values: &Value) -> Option<BTreeMap<u32, f32>> {
    let (Value::Array(dims), Value::Array(values)) = (dims, values) else {
        return None;
    };
    let pair = |(dim, value): (&Value, &Value)| match (dim, value) {
        #[expect(clippy::cast_possible_truncation, reason = "written from 32 bits")]
        (Value::Uint(dim), Value::Float(value)) => Some((u32::try_from(*dim).ok()?, *value as f32)),
        _ => None,
    };
    if dims.len() != values.len() {
        return None;
    }
    dims.iter().zip(values.iter()).map(pair).collect()
}

/// Writes one stream, compressed where that is worthwhile, behind its number of rows.
fn put_columns(
    rows: usize,
    columns: &[Tagged],
    frame: &mut Vec<u8>,
    streams: &mut Streams,
) -> Result<(), FormatError> {
    frame.put_count(WHAT, rows)?;
    let stream = write_stream(WHAT, rows, columns, Compression::Zstd)?;
    streams.push(frame, stream);
    Ok(())
}

fn take_columns(frame: &mut Cursor<'_>, streams: &Buffer) -> Result<Batch, FormatError> {
    let rows = frame.u32()?;
    let batch = read_stream(WHAT, &take_stream(frame, streams)?)?;
    if batch.rows == rows as usize {
        return Ok(batch);
    }
    Err(FormatError::corrupt(
        WHAT,
        "a stream holds more or fewer rows than its record",
    ))
}

fn take_stream(frame: &mut Cursor<'_>, streams: &Buffer) -> Result<Buffer, FormatError> {
    let mut number = || Ok(usize::try_from(frame.u64()?).unwrap_or(usize::MAX));
    let (offset, length) = (number()?, number()?);
    if offset
        .checked_add(length)
        .is_none_or(|end| end > streams.len())
    {
        return Err(FormatError::corrupt(
            WHAT,
            "a stream lies outside its block",
        ));
    }
    Ok(streams.slice_with_length(offset, length))
}

fn name(text: &str) -> Result<AttributeName, FormatError> {
    text.parse()
        .map_err(|error: crate::model::InvalidName| FormatError::corrupt(WHAT, error.to_string()))
}

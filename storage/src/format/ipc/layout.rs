//! Where the buffers of a file's columns lie, told by its first bytes.

use super::{
    FieldType,
    file::{MAGIC, Metadata},
    read::{compressed, parse, read_schema, split_metadata},
};
use crate::format::FormatError;
use crate::model::{AttributeType, ScalarType};
use arrow_buffer::Buffer;
use std::ops::Range;

/// Where the first message may start: the magic is padded.
const STARTS: [usize; 2] = [8, super::ALIGNMENT];

/// Where a column lies.
#[derive(Debug, Clone)]
pub(in crate::format) struct ColumnLayout {
    /// Its name.
    pub name: String,
    /// Its type.
    pub ty: FieldType,
    /// Its buffers, in bytes from the start of the file, in Arrow's order.
    pub buffers: Vec<Range<u64>>,
}

/// Where the columns of a file of one record batch lie.
#[derive(Debug, Clone)]
pub(in crate::format) struct FileLayout {
    /// The number of rows.
    pub rows: usize,
    /// The columns, in the order in which they were written.
    pub columns: Vec<ColumnLayout>,
    /// What is said about the whole file.
    pub metadata: Metadata,
}

/// Reads the layout out of the first bytes of a file.
pub(in crate::format) fn read_layout(
    what: &'static str,
    prefix: &Buffer,
) -> Result<FileLayout, FormatError> {
    if !prefix.starts_with(&MAGIC) {
        return Err(FormatError::corrupt(what, "it is no Arrow IPC file"));
    }
    let is_message = |at: &usize| prefix.get(*at..at + 4) == Some(&[0xFF; 4]);
    let start = STARTS.into_iter().find(is_message);
    let start = start.ok_or_else(|| FormatError::corrupt(what, "it starts with no message"))?;
    let (schema, rest) = split_metadata(what, &prefix.slice(start))?;
    let message = parse(what, &schema)?;
    let schema = message.header_as_schema();
    let schema = schema.ok_or_else(|| FormatError::corrupt(what, "it has no schema"))?;
    let pairs = schema.custom_metadata().into_iter().flatten();
    let metadata = pairs
        .filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())))
        .collect();
    let (batch, body) = split_metadata(what, &rest)?;
    let body = (prefix.len() - body.len()) as u64;
    let message = parse(what, &batch)?;
    let batch = message.header_as_record_batch();
    let batch = batch.ok_or_else(|| FormatError::corrupt(what, "it has no record batch"))?;
    if compressed(what, &batch)? {
        return Err(FormatError::corrupt(what, "it is compressed"));
    }
    let at = |offset: i64, length: i64| {
        let start = body.checked_add(u64::try_from(offset).ok()?)?;
        Some(start..start.checked_add(u64::try_from(length).ok()?)?)
    };
    let buffers = batch.buffers().into_iter().flatten();
    let buffers: Option<Vec<_>> = buffers.map(|b| at(b.offset(), b.length())).collect();
    let mut buffers = buffers
        .ok_or_else(|| FormatError::corrupt(what, "a buffer lies nowhere"))?
        .into_iter();
    let fields = read_schema(what, schema)?;
    let columns = fields.into_iter().map(|(name, ty)| {
        let own: Vec<_> = buffers.by_ref().take(buffer_count(ty)).collect();
        if own.len() < buffer_count(ty) {
            return Err(FormatError::corrupt(what, "fewer buffers than columns"));
        }
        Ok(ColumnLayout {
            name,
            ty,
            buffers: own,
        })
    });
    let rows = usize::try_from(batch.length());
    Ok(FileLayout {
        rows: rows.map_err(|_| FormatError::corrupt(what, "its rows are out of range"))?,
        columns: columns.collect::<Result<_, _>>()?,
        metadata,
    })
}

/// How many buffers a column has, those of what it consists of included.
fn buffer_count(ty: FieldType) -> usize {
    let scalar = |ty: ScalarType| if ty == ScalarType::String { 3 } else { 2 };
    match ty {
        FieldType::U16 | FieldType::U32 => 2,
        FieldType::Binary => 3,
        FieldType::Attribute(ty) => match ty {
            AttributeType::Scalar(ty) => scalar(ty),
            AttributeType::Array(item) => 2 + scalar(item),
            AttributeType::Vector { .. } => 3,
            AttributeType::Sparse => 2 + 1 + 2 + 2,
        },
    }
}

//! Arrow IPC messages → columns.

use super::{FieldType, TYPE_KEY, Tagged, array, body::Body};
use crate::format::{FormatError, cursor::Cursor};
use arrow_buffer::Buffer;
use arrow_ipc::{CompressionType, Message, MetadataVersion, RecordBatch};

/// Stands before the length of every message.
const CONTINUATION: u32 = u32::MAX;

/// The columns of one record batch.
#[derive(Debug)]
pub(in crate::format) struct Batch {
    /// The number of rows.
    pub rows: usize,
    /// The columns, in the order in which they were written.
    pub columns: Vec<Tagged>,
}

/// The names and types of a schema's fields.
pub(super) type Fields = Vec<(String, FieldType)>;

/// Reads a stream of a schema and one record batch.
pub(in crate::format) fn read_stream(
    what: &'static str,
    stream: &Buffer,
) -> Result<Batch, FormatError> {
    let (metadata, rest) = split_metadata(what, stream)?;
    let message = parse(what, &metadata)?;
    let fields = match (message.header_as_schema(), message.bodyLength()) {
        (Some(schema), 0) => read_schema(what, schema)?,
        _ => {
            return Err(FormatError::corrupt(
                what,
                "it does not start with a schema",
            ));
        }
    };
    let (metadata, rest) = split_metadata(what, &rest)?;
    let length = usize::try_from(parse(what, &metadata)?.bodyLength()).unwrap_or(usize::MAX);
    if length > rest.len() {
        return Err(FormatError::Truncated {
            what,
            needed: length as u64,
            found: rest.len() as u64,
        });
    }
    read_batch(what, &fields, &metadata, rest.slice_with_length(0, length))
}

/// Reads the record batch that `metadata` describes and `body` holds.
pub(super) fn read_batch(
    what: &'static str,
    fields: &Fields,
    metadata: &[u8],
    body: Buffer,
) -> Result<Batch, FormatError> {
    let message = parse(what, metadata)?;
    let Some(batch) = message.header_as_record_batch() else {
        return Err(FormatError::corrupt(what, "a message is no record batch"));
    };
    let Ok(rows) = u32::try_from(batch.length()) else {
        return Err(FormatError::corrupt(
            what,
            "the number of rows is out of range",
        ));
    };
    let rows = rows as usize;
    let mut body = Body::new(what, &batch, body, compressed(what, &batch)?);
    let columns = fields.iter().map(|(name, ty)| {
        Ok(Tagged {
            name: name.clone(),
            ty: *ty,
            array: array::read(&mut body, *ty, rows)?,
        })
    });
    let columns = columns.collect::<Result<_, FormatError>>()?;
    body.end()?;
    Ok(Batch { rows, columns })
}

/// The fields of `schema`, each with the type that its metadata names.
pub(super) fn read_schema(
    what: &'static str,
    schema: arrow_ipc::Schema<'_>,
) -> Result<Fields, FormatError> {
    let fields = schema.fields().into_iter().flatten().map(|field| {
        let name = field.name().unwrap_or_default();
        let pairs = field.custom_metadata().into_iter().flatten();
        let ty = pairs
            .filter(|pair| pair.key() == Some(TYPE_KEY))
            .find_map(|pair| pair.value()?.parse().ok())
            .ok_or_else(|| FormatError::corrupt(what, format!("field {name:?} has no type")))?;
        Ok((name.to_owned(), ty))
    });
    fields.collect()
}

/// Splits a message's metadata off; what follows starts with its body.
pub(super) fn split_metadata(
    what: &'static str,
    bytes: &Buffer,
) -> Result<(Buffer, Buffer), FormatError> {
    let mut cursor = Cursor::new(what, bytes);
    if cursor.u32()? != CONTINUATION {
        return Err(FormatError::corrupt(what, "no message where one should be"));
    }
    let length = cursor.u32()? as usize;
    let metadata = cursor.bytes(length)?;
    Ok((
        bytes.slice_with_length(8, metadata.len()),
        bytes.slice(8 + length),
    ))
}

pub(super) fn parse<'a>(
    what: &'static str,
    metadata: &'a [u8],
) -> Result<Message<'a>, FormatError> {
    let message = arrow_ipc::root_as_message(metadata)
        .map_err(|error| FormatError::corrupt(what, format!("a message is not valid: {error}")))?;
    if message.version() == MetadataVersion::V5 {
        return Ok(message);
    }
    Err(FormatError::corrupt(what, "a message is not of version 5"))
}

pub(super) fn compressed(what: &'static str, batch: &RecordBatch<'_>) -> Result<bool, FormatError> {
    match batch.compression() {
        None => Ok(false),
        Some(c) if c.codec() == CompressionType::ZSTD => Ok(true),
        Some(_) => Err(FormatError::corrupt(what, "a compression other than zstd")),
    }
}

//! Columns → Arrow IPC streams.

use super::{TYPE_KEY, Tagged};
use crate::format::FormatError;
use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_buffer::Buffer;
use arrow_ipc::{
    CompressionType,
    writer::{IpcWriteOptions, StreamEncoder},
};
use arrow_schema::{ArrowError, Field, Schema};
use std::sync::Arc;

/// How the buffers of a stream are stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::format) enum Compression {
    /// As they are.
    None,
    /// Each compressed by zstd at level 1, unless all of them are smaller than [`WORTHWHILE`].
    Zstd,
}

/// Bytes of buffers below which setting up zstd costs a write more time than it saves in transfer.
const WORTHWHILE: usize = 2_048;

/// The schema of columns.
pub(super) fn schema(columns: &[Tagged]) -> Schema {
    let field = |column: &Tagged| {
        let metadata = [(TYPE_KEY.to_owned(), column.ty.to_string())];
        Field::new(&column.name, column.ty.to_arrow(), true).with_metadata(metadata.into())
    };
    Schema::new(columns.iter().map(field).collect::<Vec<_>>())
}

/// The columns as one record batch.
pub(super) fn batch(
    schema: Schema,
    rows: usize,
    columns: &[Tagged],
) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.iter().map(|c| Arc::clone(&c.array)).collect();
    let options = RecordBatchOptions::new().with_row_count(Some(rows));
    RecordBatch::try_new_with_options(Arc::new(schema), arrays, &options)
}

/// One record batch of `rows` rows as a stream. Uncompressed buffers are shared, not copied.
pub(in crate::format) fn write_stream(
    what: &'static str,
    rows: usize,
    columns: &[Tagged],
    compression: Compression,
) -> Result<Vec<Buffer>, FormatError> {
    encode(rows, columns, compression).map_err(FormatError::arrow(what))
}

fn encode(
    rows: usize,
    columns: &[Tagged],
    compression: Compression,
) -> Result<Vec<Buffer>, ArrowError> {
    let batch = batch(schema(columns), rows, columns)?;
    let options = match compression {
        Compression::Zstd if is_small(columns)? => write_options(Compression::None)?,
        as_asked => write_options(as_asked)?,
    };
    let mut encoder = StreamEncoder::try_new_with_options(&batch.schema(), options)?;
    let mut buffers = encoder.encode(&batch)?;
    buffers.extend(encoder.finish()?);
    Ok(buffers)
}

fn is_small(columns: &[Tagged]) -> Result<bool, ArrowError> {
    let mut size = 0;
    for column in columns {
        size += column.array.to_data().get_slice_memory_size()?;
    }
    Ok(size < WORTHWHILE)
}

fn write_options(compression: Compression) -> Result<IpcWriteOptions, ArrowError> {
    let options = IpcWriteOptions::default();
    match compression {
        Compression::None => Ok(options),
        Compression::Zstd => options
            .try_with_compression(Some(CompressionType::ZSTD))?
            .try_with_compression_level(Some(1)),
    }
}

//! Arrow IPC files of one record batch, uncompressed.

use super::{
    Tagged,
    read::{Batch, read_batch, read_schema, split_metadata},
    write::{batch, schema},
};
use crate::format::{FormatError, cursor::Cursor};
use arrow_buffer::Buffer;
use arrow_ipc::{Block, writer::FileWriter};
use arrow_schema::ArrowError;
use std::{collections::BTreeMap, io::Write};

/// Stands at both ends; in front it is padded.
pub(super) const MAGIC: [u8; 6] = *b"ARROW1";

/// What is said about a whole file.
pub(in crate::format) type Metadata = BTreeMap<String, String>;

/// A file of one record batch; its buffers lie at multiples of 64 bytes. Each buffer goes to `out` in one call, as it
/// is in memory.
pub(in crate::format) fn write_file(
    what: &'static str,
    rows: usize,
    columns: &[Tagged],
    metadata: Metadata,
    out: &mut dyn Write,
) -> Result<(), FormatError> {
    let write = || {
        let schema = schema(columns).with_metadata(metadata.into_iter().collect());
        let batch = batch(schema, rows, columns)?;
        let mut writer = FileWriter::try_new(out, &batch.schema())?;
        writer.write(&batch)?;
        writer.finish()
    };
    write().map_err(|source: ArrowError| FormatError::Arrow { what, source })
}

/// Reads a file; its columns borrow `file` where it is aligned in memory.
pub(in crate::format) fn read_file(
    what: &'static str,
    file: &Buffer,
) -> Result<(Batch, Metadata), FormatError> {
    let corrupt = |why: &str| FormatError::corrupt(what, why);
    let footer = arrow_ipc::root_as_footer(footer(what, file)?)
        .map_err(|error| corrupt(&format!("its footer is not valid: {error}")))?;
    let schema = footer.schema().ok_or_else(|| corrupt("it has no schema"))?;
    let pairs = schema.custom_metadata().into_iter().flatten();
    let metadata = pairs
        .filter_map(|pair| Some((pair.key()?.to_owned(), pair.value()?.to_owned())))
        .collect();
    let blocks: Vec<&Block> = footer.recordBatches().into_iter().flatten().collect();
    let [block] = blocks.as_slice() else {
        return Err(corrupt("it does not hold one record batch"));
    };
    let message = slice(file, block.offset(), i64::from(block.metaDataLength()));
    let message = message.ok_or_else(|| corrupt("its record batch lies outside the file"))?;
    let (message, _) = split_metadata(what, &message)?;
    let offset = block.offset().saturating_add(block.metaDataLength().into());
    let body = slice(file, offset, block.bodyLength());
    let body = body.ok_or_else(|| corrupt("its record batch lies outside the file"))?;
    let batch = read_batch(what, &read_schema(what, schema)?, &message, body)?;
    Ok((batch, metadata))
}

/// The bytes of the footer.
fn footer<'a>(what: &'static str, file: &'a [u8]) -> Result<&'a [u8], FormatError> {
    let mut front = Cursor::new(what, file);
    let starts = front.array()? == MAGIC;
    let Some((rest, tail)) = front.rest().split_last_chunk::<10>() else {
        return Err(FormatError::Truncated {
            what,
            needed: 16,
            found: file.len() as u64,
        });
    };
    let mut tail = Cursor::new(what, tail);
    let length = tail.u32()? as usize;
    if !starts || tail.array()? != MAGIC {
        return Err(FormatError::corrupt(what, "it is no Arrow IPC file"));
    }
    let at = rest.len().checked_sub(length);
    at.and_then(|at| rest.get(at..))
        .ok_or(FormatError::Truncated {
            what,
            needed: length as u64,
            found: rest.len() as u64,
        })
}

fn slice(file: &Buffer, offset: i64, length: i64) -> Option<Buffer> {
    let offset = usize::try_from(offset).ok()?;
    let length = usize::try_from(length).ok()?;
    (offset.checked_add(length)? <= file.len()).then(|| file.slice_with_length(offset, length))
}

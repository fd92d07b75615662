//! [`check_stream`]: whether the parts of an Arrow IPC stream are what they say, before anything is made of them.

use super::super::{Budget, Fault};
use arrow_ipc::{CompressionType, Endianness, Field, Message, MessageHeader, RecordBatch, Type};

/// Stands before the length of every message.
const CONTINUATION: [u8; 4] = [0xff; 4];
/// Stands before a compressed buffer that is not compressed after all.
const STORED: i64 = -1;
/// The most rows of one batch.
const MAX_ROWS: i64 = u32::MAX as i64;
/// The most columns, and arrays below them.
const MAX_FIELDS: usize = 2048;

/// Checks every message of a stream; takes the memory that decompressing it needs.
pub(super) fn check_stream(stream: &[u8], budget: &Budget) -> Result<(), Fault> {
    let mut rest = stream;
    let mut has_schema = false;
    while let Some((message, body, next)) = split(rest)? {
        match (message.header_type(), has_schema) {
            (MessageHeader::Schema, false) => has_schema = check_schema(&message)?,
            (MessageHeader::RecordBatch, true) => check_batch(&message, body, budget)?,
            (MessageHeader::DictionaryBatch, _) => {
                return Err(refuse(
                    "dictionaries are not understood; send plain columns",
                ));
            }
            _ => return Err(refuse("a message where none of its kind belongs")),
        }
        rest = next;
    }
    if has_schema {
        Ok(())
    } else {
        Err(refuse("it does not start with a schema"))
    }
}

fn refuse(text: &str) -> Fault {
    Fault::invalid(format!("no Arrow stream: {text}"))
}

type Split<'a> = (Message<'a>, &'a [u8], &'a [u8]);

/// The next message with its body, and what follows; `None` at the end.
fn split(stream: &[u8]) -> Result<Option<Split<'_>>, Fault> {
    let truncated = || refuse("it ends in the middle of a message");
    if stream.is_empty() {
        return Ok(None);
    }
    let (mark, rest) = stream.split_first_chunk::<4>().ok_or_else(truncated)?;
    if *mark != CONTINUATION {
        return Err(refuse("no message where one should be"));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or_else(truncated)?;
    let length = u32::from_le_bytes(*length) as usize;
    if length == 0 {
        return Ok(None);
    }
    let (metadata, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
    let message = arrow_ipc::root_as_message(metadata);
    let message = message.map_err(|e| refuse(&format!("a message is not valid: {e}")))?;
    let length = usize::try_from(message.bodyLength()).map_err(|_| truncated())?;
    let (body, rest) = rest.split_at_checked(length).ok_or_else(truncated)?;
    Ok(Some((message, body, rest)))
}

fn check_schema(message: &Message<'_>) -> Result<bool, Fault> {
    let schema = message
        .header_as_schema()
        .ok_or_else(|| refuse("it has no schema"))?;
    if schema.endianness() != Endianness::Little {
        return Err(refuse("its numbers are not little-endian"));
    }
    let fields = schema
        .fields()
        .ok_or_else(|| refuse("its schema has no fields"))?;
    if fields.len() > MAX_FIELDS {
        return Err(refuse("it has too many columns"));
    }
    let mut names: Vec<&str> = fields.iter().filter_map(|field| field.name()).collect();
    names.sort_unstable();
    if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
        return Err(Fault::invalid("given twice").under(pair[0]));
    }
    for field in fields {
        let Some(name) = field.name() else {
            return Err(refuse("a column without a name"));
        };
        check_field(&field, true).map_err(|fault| fault.under(name))?;
    }
    Ok(true)
}

/// Checks that a column is of a type that an attribute can be made of.
fn check_field(field: &Field<'_>, outermost: bool) -> Result<(), Fault> {
    if field.dictionary().is_some() {
        return Err(Fault::invalid(
            "dictionaries are not understood; send plain columns",
        ));
    }
    let children = field.children();
    let children = || children.into_iter().flatten();
    let known = match field.type_type() {
        Type::Int => {
            let width = field.type_as_int().map(|ty| ty.bitWidth());
            matches!(width, Some(8 | 16 | 32 | 64))
        }
        Type::FloatingPoint => {
            let precision = field.type_as_floating_point().map(|ty| ty.precision().0);
            matches!(precision, Some(0..=2))
        }
        Type::Timestamp => {
            let unit = field.type_as_timestamp().map(|ty| ty.unit().0);
            matches!(unit, Some(0..=3))
        }
        Type::Date => matches!(field.type_as_date().map(|ty| ty.unit().0), Some(0 | 1)),
        Type::FixedSizeBinary => field
            .type_as_fixed_size_binary()
            .is_some_and(|ty| ty.byteWidth() == 16),
        Type::Utf8 | Type::LargeUtf8 | Type::Bool => true,
        Type::FixedSizeList => {
            let size = field.type_as_fixed_size_list().map(|ty| ty.listSize());
            size.is_some_and(|size| size > 0) && outermost
        }
        Type::Null | Type::List | Type::LargeList => outermost,
        _ => false,
    };
    if !known {
        let ty = field.type_type().variant_name().unwrap_or("unknown");
        return Err(Fault::invalid(format!(
            "no attribute type holds Arrow's {ty} here"
        )));
    }
    let is_list = matches!(
        field.type_type(),
        Type::List | Type::LargeList | Type::FixedSizeList
    );
    if children().count() != usize::from(is_list) {
        return Err(Fault::invalid(
            "the type does not have the parts that it needs",
        ));
    }
    children().try_for_each(|child| check_field(&child, false))
}

/// Checks that a batch's buffers lie within its body, and how large they become.
fn check_batch(message: &Message<'_>, body: &[u8], budget: &Budget) -> Result<(), Fault> {
    let Some(batch) = message.header_as_record_batch() else {
        return Err(refuse("a batch is none"));
    };
    if !(0..=MAX_ROWS).contains(&batch.length()) {
        return Err(refuse("the number of rows is out of range"));
    }
    let nodes = batch.nodes().into_iter().flatten();
    for node in nodes {
        if node.length() < 0 || !(0..=node.length()).contains(&node.null_count()) {
            return Err(refuse("the length of an array is out of range"));
        }
    }
    check_buffers(&batch, body, budget)
}

fn check_buffers(batch: &RecordBatch<'_>, body: &[u8], budget: &Budget) -> Result<(), Fault> {
    let codec = batch.compression().map(|compression| compression.codec());
    if codec.is_some_and(|codec| codec != CompressionType::ZSTD) {
        // others may become larger than they say
        return Err(refuse(
            "lz4 is not understood; compress by zstd or not at all",
        ));
    }
    let compressed = codec.is_some();
    for buffer in batch.buffers().into_iter().flatten() {
        let range = usize::try_from(buffer.offset())
            .ok()
            .zip(usize::try_from(buffer.length()).ok());
        let bytes = range.and_then(|(from, length)| body.get(from..from.checked_add(length)?));
        let Some(bytes) = bytes else {
            return Err(refuse("a buffer lies outside of its batch"));
        };
        if !compressed || bytes.is_empty() {
            continue;
        }
        let Some((declared, _)) = bytes.split_first_chunk::<8>() else {
            return Err(refuse("a compressed buffer does not say its length"));
        };
        match i64::from_le_bytes(*declared) {
            STORED => {}
            length => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                budget.take(length)?;
            }
        }
    }
    Ok(())
}

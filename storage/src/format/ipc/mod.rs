//! Columns ⇄ Arrow IPC, so that pyarrow can read what we write.
//!
//! Writing is Arrow's own. Reading is ours and strict: it knows the types
//! of [`FieldType`] only, takes each field's type from its metadata, checks every length before
//! it allocates, and borrows from the bytes it is given wherever they are aligned.

mod array;
mod body;
mod field_type;
mod file;
mod ids;
mod layout;
mod read;
mod write;

use arrow_array::ArrayRef;

pub(super) use field_type::FieldType;
pub(super) use file::{Metadata, read_file, write_file};
pub(super) use ids::{ID, id_column, ids_of};
pub(super) use layout::{ColumnLayout, read_layout};
pub(super) use read::{Batch, read_stream};
pub(super) use write::{Compression, write_stream};

/// The key of a field's metadata under which its [`FieldType`] stands.
pub(super) const TYPE_KEY: &str = "isobath:type";

/// What streams, bodies and buffers are aligned to, in bytes.
pub(super) const ALIGNMENT: usize = 64;

/// The most bytes that one message may hold when it is decompressed.
const MAX_DECOMPRESSED: usize = 1 << 29;

/// One column with its name and its type.
#[derive(Debug, Clone)]
pub(super) struct Tagged {
    /// The field's name; `$` starts those that are no attributes.
    pub name: String,
    /// The type.
    pub ty: FieldType,
    /// The values, of the type's Arrow type.
    pub array: ArrayRef,
}

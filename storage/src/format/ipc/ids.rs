//! The column of ids.

use super::Tagged;
use crate::format::FormatError;
use crate::model::{IdColumn, IdKind};
use arrow_array::{Array, ArrayRef, FixedSizeBinaryArray, UInt64Array, cast::AsArray, types};
use arrow_buffer::Buffer;
use std::sync::Arc;
use uuid::Uuid;

/// The name of the column of ids.
pub(in crate::format) const ID: &str = "id";

/// The ids as a column.
pub(in crate::format) fn id_column(
    what: &'static str,
    ids: &IdColumn,
) -> Result<Tagged, FormatError> {
    let array: ArrayRef = match ids {
        IdColumn::U64(ids) => Arc::new(UInt64Array::new(ids.clone(), None)),
        IdColumn::Str(ids) => Arc::new(ids.clone()),
        IdColumn::Uuid(ids) => {
            let bytes: Vec<u8> = ids.iter().flat_map(|id| *id.as_bytes()).collect();
            let bytes = Buffer::from_vec(bytes);
            let array = FixedSizeBinaryArray::try_new_with_len(16, bytes, None, ids.len());
            Arc::new(array.map_err(FormatError::arrow(what))?)
        }
    };
    let ty = ids.kind().attribute_type().into();
    Ok(Tagged {
        name: ID.to_owned(),
        ty,
        array,
    })
}

/// The ids of a column: one of the kinds of ids, none null.
pub(in crate::format) fn ids_of(
    what: &'static str,
    column: &Tagged,
) -> Result<IdColumn, FormatError> {
    let array = &column.array;
    let bad = || FormatError::corrupt(what, "its column `id` holds no ids");
    if array.null_count() > 0 {
        return Err(bad());
    }
    let ids = match column
        .ty
        .attribute()
        .and_then(IdKind::from_attribute_type)
        .ok_or_else(bad)?
    {
        IdKind::Uint => array
            .as_primitive_opt::<types::UInt64Type>()
            .map(|ids| IdColumn::U64(ids.values().clone())),
        IdKind::String => array.as_string_opt().map(|ids| IdColumn::Str(ids.clone())),
        IdKind::Uuid => array.as_fixed_size_binary_opt().and_then(|ids| {
            let ids: Option<Vec<Uuid>> = (0..ids.len())
                .map(|row| Uuid::from_slice(ids.value(row)).ok())
                .collect();
            Some(IdColumn::Uuid(ids?.into()))
        }),
    };
    ids.ok_or_else(bad)
}

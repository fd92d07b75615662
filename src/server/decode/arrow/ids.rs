//! The ids of an Arrow stream.

use super::super::{Budget, Fault};
use arrow_array::{Array, ArrayRef, StringArray, UInt64Array, cast::AsArray, types::UInt64Type};
use arrow_cast::{CastOptions, cast_with_options};
use arrow_schema::DataType;
use isobath_storage::model::{Id, IdColumn, IdKind};
use std::collections::HashSet;
use uuid::Uuid;

/// Bytes that one id takes while it is looked at.
const ID_BYTES: usize = 64;

/// The ids in `array`, of the namespace's `kind` where that is known; none of them comes twice.
pub(super) fn read(
    array: &ArrayRef,
    kind: Option<IdKind>,
    budget: &Budget,
) -> Result<IdColumn, Fault> {
    if let Some(row) = (0..array.len()).find(|row| array.is_null(*row)) {
        return Err(Fault::invalid("an id is missing").at(row));
    }
    budget.take(array.len().saturating_mul(ID_BYTES))?;
    let ids = match array.data_type() {
        ty if ty.is_integer() => integers(array)?,
        DataType::Utf8 | DataType::LargeUtf8 => strings(array, kind)?,
        DataType::FixedSizeBinary(16) => {
            let array = array.as_fixed_size_binary();
            let uuid = |row| Uuid::from_slice(array.value(row)).unwrap_or_default();
            (0..array.len()).map(|row| Id::Uuid(uuid(row))).collect()
        }
        other => {
            let text = format!("ids are integers, strings or UUIDs, not {other}");
            return Err(Fault::invalid(text));
        }
    };
    let mut seen = HashSet::with_capacity(ids.len());
    if let Some(id) = ids.iter().find(|id| !seen.insert(*id)) {
        return Err(Fault::invalid(format!(
            "id {id} occurs twice in the request"
        )));
    }
    let found = ids.first().map_or(kind.unwrap_or(IdKind::Uint), Id::kind);
    if let Some(kind) = kind.filter(|kind| *kind != found) {
        let text = format!("the ids of this namespace are of type {kind}, these of type {found}");
        return Err(Fault::invalid(text));
    }
    IdColumn::from_ids(found, &ids).ok_or_else(|| Fault::invalid("ids of several kinds"))
}

fn integers(array: &ArrayRef) -> Result<Vec<Id>, Fault> {
    let exact = CastOptions {
        safe: false,
        ..CastOptions::default()
    };
    let array = cast_with_options(array, &DataType::UInt64, &exact);
    let array = array.map_err(|_| Fault::invalid("a negative integer is no id"))?;
    let array: &UInt64Array = array.as_primitive::<UInt64Type>();
    Ok(array.values().iter().map(|id| Id::U64(*id)).collect())
}

fn strings(array: &ArrayRef, kind: Option<IdKind>) -> Result<Vec<Id>, Fault> {
    let array = arrow_cast::cast(array, &DataType::Utf8);
    let array = array.map_err(|e| Fault::invalid(e.to_string()))?;
    let array: &StringArray = array.as_string::<i32>();
    let id = |row| {
        let text = array.value(row);
        if kind == Some(IdKind::Uuid) {
            let uuid = text.parse::<Uuid>().map(Id::Uuid);
            return uuid.map_err(|_| Fault::invalid("not a UUID").at(row));
        }
        if text.len() > Id::MAX_BYTES {
            let text = format!("{} bytes are more than {}", text.len(), Id::MAX_BYTES);
            return Err(Fault::invalid(text).at(row));
        }
        Ok(Id::Str(text.into()))
    };
    (0..array.len()).map(id).collect()
}

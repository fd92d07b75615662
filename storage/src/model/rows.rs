//! [`Rows`]: ids with columns, as they travel from a request to a part without being turned into values.

use super::{
    AttributeName, AttributeType, IdColumn, IdKind, ScalarType, SparseSlice, Value, VectorValue,
    sparse,
};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array,
    Float32Array, Float64Array, Int64Array, ListArray, StringArray, TimestampMillisecondArray,
    UInt64Array, cast::AsArray, new_null_array,
};
use arrow_buffer::BooleanBuffer;
use arrow_schema::ArrowError;
use std::sync::Arc;
use uuid::Uuid;

/// One attribute of many rows.
#[derive(Debug, Clone)]
pub struct Column {
    /// The attribute.
    pub name: AttributeName,
    /// Its type; the array is of [`AttributeType::to_arrow`].
    pub ty: AttributeType,
    /// The values in row order; null where a row has none.
    pub array: ArrayRef,
}

/// Ids with columns. Cheap to clone: the arrays are shared, and may borrow a mapped file.
#[derive(Debug, Clone)]
pub struct Rows {
    ids: IdColumn,
    columns: Vec<Column>,
}

/// Columns that do not make rows.
#[derive(Debug, thiserror::Error)]
pub enum RowsError {
    /// A column is longer or shorter than the ids.
    #[error("attribute {name} has {found} values for {expected} ids")]
    Length {
        /// The attribute.
        name: AttributeName,
        /// Its number of values.
        found: usize,
        /// The number of ids.
        expected: usize,
    },
    /// A column's array is not of its type.
    #[error("attribute {name} is declared {ty} but its column is {found}")]
    Type {
        /// The attribute.
        name: AttributeName,
        /// The declared type.
        ty: AttributeType,
        /// The type of the array.
        found: arrow_schema::DataType,
    },
    /// Two columns of one name.
    #[error("attribute {0} is given twice")]
    Twice(AttributeName),
    /// Ids of several kinds where one is needed.
    #[error("ids of several kinds")]
    MixedIds,
    /// A column that could not be gathered or joined.
    #[error("columns could not be joined")]
    Arrow(#[from] ArrowError),
}

impl Rows {
    /// Ids with columns of their length, each name once.
    pub fn new(ids: IdColumn, mut columns: Vec<Column>) -> Result<Self, RowsError> {
        columns.sort_by(|a, b| a.name.cmp(&b.name));
        for pair in columns.windows(2) {
            if pair[0].name == pair[1].name {
                return Err(RowsError::Twice(pair[0].name.clone()));
            }
        }
        let expected = ids.len();
        for Column { name, ty, array } in &columns {
            if array.len() != expected {
                return Err(RowsError::Length {
                    name: name.clone(),
                    found: array.len(),
                    expected,
                });
            }
            if *array.data_type() != ty.to_arrow() {
                let found = array.data_type().clone();
                return Err(RowsError::Type {
                    name: name.clone(),
                    ty: *ty,
                    found,
                });
            }
        }
        Ok(Self { ids, columns })
    }

    /// How many rows.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The ids, in row order.
    pub fn ids(&self) -> &IdColumn {
        &self.ids
    }

    /// The columns, by name.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column `name`.
    pub fn column(&self, name: &str) -> Option<&Column> {
        let at = self
            .columns
            .binary_search_by(|c| c.name.as_str().cmp(name))
            .ok()?;
        self.columns.get(at)
    }

    /// The value of `name` in `row`, which must be below [`Self::len`]; null where there is no such column.
    pub fn value(&self, row: usize, name: &str) -> Value {
        self.column(name)
            .map_or(Value::Null, |column| column.value(row))
    }

    /// The rows that `picks` names as (piece, row), in that order, with the columns of `columns`: null where a
    /// piece has no such column or has it with another type.
    ///
    /// Every pick must name a row of a piece; the pieces' ids must be of `kind`.
    pub fn interleave(
        kind: IdKind,
        columns: &[(AttributeName, AttributeType)],
        pieces: &[&Self],
        picks: &[(usize, usize)],
    ) -> Result<Self, RowsError> {
        let identity = |rows: &Self| {
            rows.len() == picks.len() && picks.iter().enumerate().all(|(at, (_, row))| at == *row)
        };
        if let [rows] = pieces
            && identity(rows)
            && rows.has_columns(columns)
        {
            return Ok(Self::clone(rows));
        }
        let ids: Vec<&IdColumn> = pieces.iter().map(|piece| &piece.ids).collect();
        let ids = IdColumn::interleave(kind, &ids, picks).ok_or(RowsError::MixedIds)?;
        let columns = columns.iter().map(|(name, ty)| {
            let arrays: Vec<ArrayRef> = pieces.iter().map(|p| p.typed(name, *ty)).collect();
            let array = match ty {
                _ if picks.is_empty() => arrow_array::new_empty_array(&ty.to_arrow()),
                AttributeType::Vector { dim, element } => {
                    super::columns::pick_vectors(*dim, *element, &arrays, picks)?
                }
                _ => {
                    let arrays: Vec<&dyn Array> = arrays.iter().map(AsRef::as_ref).collect();
                    arrow_select::interleave::interleave(&arrays, picks)?
                }
            };
            Ok(Column {
                name: name.clone(),
                ty: *ty,
                array,
            })
        });
        Self::new(ids, columns.collect::<Result<_, RowsError>>()?)
    }

    /// These rows, in that order; each must be below [`Self::len`].
    pub fn take(&self, rows: &[u32]) -> Result<Self, RowsError> {
        let columns: Vec<_> = self
            .columns
            .iter()
            .map(|column| (column.name.clone(), column.ty))
            .collect();
        let picks: Vec<_> = rows.iter().map(|row| (0, *row as usize)).collect();
        Self::interleave(self.ids.kind(), &columns, &[self], &picks)
    }

    /// The rows from `from` to before `to`, which must not exceed [`Self::len`], with no column but `name`.
    #[must_use]
    pub fn part_of_column(&self, name: &str, from: usize, to: usize) -> Self {
        let rows = |row| u32::try_from(row).unwrap_or(u32::MAX);
        let ids: Vec<u32> = (rows(from)..rows(to)).collect();
        let slice = |column: &Column| Column {
            array: column.array.slice(from, to - from),
            ..column.clone()
        };
        Self {
            ids: self.ids.take(&ids),
            columns: self.column(name).map(slice).into_iter().collect(),
        }
    }

    fn has_columns(&self, columns: &[(AttributeName, AttributeType)]) -> bool {
        self.columns.len() == columns.len()
            && self
                .columns
                .iter()
                .zip(columns)
                .all(|(a, (name, ty))| a.name == *name && a.ty == *ty)
    }

    /// The column `name` if it has type `ty`, else nulls.
    pub fn typed(&self, name: &AttributeName, ty: AttributeType) -> ArrayRef {
        match self.column(name.as_str()) {
            Some(column) if column.ty == ty => Arc::clone(&column.array),
            _ => new_null_array(&ty.to_arrow(), self.len()),
        }
    }

    /// The rows with `name` null wherever `rows` is true; without the column where it is true everywhere.
    #[must_use]
    pub fn without(&self, name: &AttributeName, rows: &BooleanBuffer) -> Self {
        let everywhere = rows.count_set_bits() == rows.len();
        let masked = |column: &Column| {
            if column.name != *name {
                return Some(column.clone());
            }
            let mask = BooleanArray::new(rows.clone(), None);
            let array = (!everywhere).then(|| arrow_select::nullif::nullif(&column.array, &mask));
            array?.ok().map(|array| Column {
                array,
                ..column.clone()
            })
        };
        let columns = self.columns.iter().filter_map(masked).collect();
        Self {
            ids: self.ids.clone(),
            columns,
        }
    }

    /// Bytes of memory that the arrays hold.
    pub fn memory(&self) -> usize {
        let ids = self.ids.len() * 16;
        let columns = self
            .columns
            .iter()
            .map(|c| c.array.to_data().get_slice_memory_size());
        ids + columns.map(|size| size.unwrap_or(0)).sum::<usize>()
    }
}

impl Column {
    /// The value in `row`, which must be below the column's length.
    pub fn value(&self, row: usize) -> Value {
        match self.ty {
            _ if self.array.is_null(row) => Value::Null,
            AttributeType::Scalar(ty) => scalar(&self.array, ty, row),
            AttributeType::Array(ty) => {
                let Some(list) = self.array.as_any().downcast_ref::<ListArray>() else {
                    return Value::Null;
                };
                let items = list.value(row);
                let value = |at| {
                    if items.is_null(at) {
                        Value::Null
                    } else {
                        scalar(&items, ty, at)
                    }
                };
                Value::Array((0..items.len()).map(value).collect())
            }
            AttributeType::Vector { .. } => vector(&self.array, row),
            AttributeType::Sparse => sparse::value(&self.array, row),
        }
    }

    /// A column of `values`, each of which must be null or of type `ty`; `None` where one is not.
    pub fn from_values(name: AttributeName, ty: AttributeType, values: &[Value]) -> Option<Self> {
        let array = super::columns::from_values(ty, values)?;
        Some(Self { name, ty, array })
    }
}

/// The non-null value in `row` of an array of scalars.
fn scalar(array: &ArrayRef, ty: ScalarType, row: usize) -> Value {
    let any = array.as_any();
    let value = match ty {
        ScalarType::String => any
            .downcast_ref::<StringArray>()
            .map(|a| Value::String(a.value(row).into())),
        ScalarType::Int => any
            .downcast_ref::<Int64Array>()
            .map(|a| Value::Int(a.value(row))),
        ScalarType::Uint => any
            .downcast_ref::<UInt64Array>()
            .map(|a| Value::Uint(a.value(row))),
        ScalarType::Float => any
            .downcast_ref::<Float64Array>()
            .map(|a| Value::Float(a.value(row))),
        ScalarType::Uuid => any
            .downcast_ref::<FixedSizeBinaryArray>()
            .and_then(|a| Uuid::from_slice(a.value(row)).ok().map(Value::Uuid)),
        ScalarType::Datetime => any
            .downcast_ref::<TimestampMillisecondArray>()
            .map(|a| Value::Datetime(a.value(row))),
        ScalarType::Bool => any
            .downcast_ref::<BooleanArray>()
            .map(|a| Value::Bool(a.value(row))),
    };
    value.unwrap_or_default()
}

/// The non-null vector in `row`.
fn vector(array: &ArrayRef, row: usize) -> Value {
    let Some(list) = array.as_any().downcast_ref::<FixedSizeListArray>() else {
        return Value::Null;
    };
    let items = list.value(row);
    if let Some(items) = items.as_any().downcast_ref::<Float32Array>() {
        Value::Vector(VectorValue::F32(items.values().to_vec().into()))
    } else if let Some(items) = items.as_any().downcast_ref::<Float16Array>() {
        Value::Vector(VectorValue::F16(items.values().to_vec().into()))
    } else {
        Value::Null
    }
}

/// The vectors of a column as one row-major slice, `dim` values a row; a null row's values mean nothing.
#[derive(Debug, Clone, Copy)]
pub enum VectorSlice<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 16-bit floats.
    F16(&'a [half::f16]),
}

impl Column {
    /// The sparse vectors, where the column is one of those.
    pub fn sparse(&self) -> Option<SparseSlice<'_>> {
        let sparse = self.ty == AttributeType::Sparse;
        sparse.then(|| SparseSlice::of(&self.array)).flatten()
    }

    /// The vectors, where the column is one of vectors.
    pub fn vectors(&self) -> Option<VectorSlice<'_>> {
        let list = self.array.as_fixed_size_list_opt()?;
        let dim = usize::try_from(list.value_length()).ok()?;
        let (from, to) = (list.offset() * dim, (list.offset() + list.len()) * dim);
        let items = list.values().as_any();
        if let Some(items) = items.downcast_ref::<Float32Array>() {
            return items.values().get(from..to).map(VectorSlice::F32);
        }
        items
            .downcast_ref::<Float16Array>()?
            .values()
            .get(from..to)
            .map(VectorSlice::F16)
    }
}

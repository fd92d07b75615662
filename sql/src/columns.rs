//! [`TableColumns`]: the columns of a namespace as a table, and how row sets hold them.

use arrow_array::{
    Array, ArrayRef, FixedSizeBinaryArray, StringArray, UInt32Array, UInt64Array,
    builder::StringBuilder, cast::AsArray,
};
use arrow_schema::{ArrowError, DataType, Field, Schema, SchemaRef};
use isobath_query::view::RowSet;
use isobath_storage::model::{
    AttributeName, AttributeType, IdColumn, IdKind, Metric, ScalarType, Schema as Attributes,
};
use std::{collections::HashMap, sync::Arc};
use uuid::Uuid;

/// The key of a field's metadata that says what SQL calls its type, where Arrow's type does not.
pub const SQL_TYPE: &str = "isobath.sql_type";

/// One column of a table.
#[derive(Debug, Clone)]
pub(crate) struct TableColumn {
    /// The attribute; `id` is the row's id.
    pub(crate) name: AttributeName,
    /// Its type; `None` where no row was written yet that has an id.
    pub(crate) ty: Option<AttributeType>,
    /// The distance of a vector.
    pub(crate) metric: Option<Metric>,
}

/// The columns of a namespace as a table: `id` first, then the attributes by name.
#[derive(Debug, Clone)]
pub(crate) struct TableColumns {
    /// The columns, in the schema's order.
    pub(crate) columns: Vec<TableColumn>,
    /// The same as Arrow fields.
    pub(crate) schema: SchemaRef,
}

impl TableColumns {
    /// The columns of a namespace with these attributes.
    pub(crate) fn of(attributes: &Attributes) -> Self {
        let id = TableColumn {
            name: AttributeName::id(),
            ty: attributes.id_kind.map(IdKind::attribute_type),
            metric: None,
        };
        let others = attributes.attributes.iter();
        let others = others.map(|(name, config)| TableColumn {
            name: name.clone(),
            ty: Some(config.ty),
            metric: config.metric,
        });
        let columns: Vec<TableColumn> = std::iter::once(id).chain(others).collect();
        let fields: Vec<Field> = columns.iter().map(TableColumn::field).collect();
        let schema = Arc::new(Schema::new(fields));
        Self { columns, schema }
    }
}

impl TableColumn {
    fn field(&self) -> Field {
        let nullable = !self.name.is_id();
        let ty = self.ty.unwrap_or(AttributeType::Scalar(ScalarType::Uint));
        let field = Field::new(self.name.as_str(), shown_type(ty), nullable);
        let named = match ty {
            AttributeType::Scalar(ScalarType::Uuid) => "uuid",
            AttributeType::Vector { .. } => "vector",
            _ => return field,
        };
        field.with_metadata(HashMap::from([(SQL_TYPE.to_owned(), named.to_owned())]))
    }

    /// The values of `set`'s rows from `from` on, `len` of them, as SQL shows them.
    pub(crate) fn slice(&self, set: &RowSet, from: usize, len: usize) -> ArrayRef {
        if self.name.is_id() {
            return ids(set.rows.ids(), from..from + len);
        }
        let Some(ty) = self.ty else {
            return arrow_array::new_null_array(&DataType::UInt64, len);
        };
        shown(&set.rows.typed(&self.name, ty).slice(from, len), ty)
    }

    /// The values of the rows that `places` names as (row set, row), as SQL shows them.
    pub(crate) fn pick(
        &self,
        sets: &[Arc<RowSet>],
        places: &[(u32, u32)],
    ) -> Result<ArrayRef, ArrowError> {
        // only the row sets that are named, each gathered once
        let mut used: Vec<u32> = places.iter().map(|(set, _)| *set).collect();
        used.sort_unstable();
        used.dedup();
        let ty = self.ty.unwrap_or(AttributeType::Scalar(ScalarType::Uint));
        let mut pieces = Vec::with_capacity(used.len());
        let mut starts = HashMap::with_capacity(used.len());
        for (at, number) in used.iter().enumerate() {
            let Some(set) = sets.get(*number as usize) else {
                return Err(ArrowError::InvalidArgumentError(
                    "no such row set".to_owned(),
                ));
            };
            let rows: Vec<u32> = rows_of(places, *number).collect();
            pieces.push(self.take(set, ty, rows)?);
            starts.insert(*number, (at, 0usize));
        }
        let mut picks = Vec::with_capacity(places.len());
        for (set, _) in places {
            if let Some((piece, next)) = starts.get_mut(set) {
                picks.push((*piece, *next));
                *next += 1;
            }
        }
        let pieces: Vec<&dyn Array> = pieces.iter().map(AsRef::as_ref).collect();
        if pieces.is_empty() {
            return Ok(arrow_array::new_empty_array(&shown_type(ty)));
        }
        arrow_select::interleave::interleave(&pieces, &picks)
    }

    fn take(
        &self,
        set: &RowSet,
        ty: AttributeType,
        rows: Vec<u32>,
    ) -> Result<ArrayRef, ArrowError> {
        if self.name.is_id() {
            let taken = set.rows.ids().take(&rows);
            let len = taken.len();
            return Ok(ids(&taken, 0..len));
        }
        let all = set.rows.typed(&self.name, ty);
        let rows = UInt32Array::from(rows);
        let taken = arrow_select::take::take(&all, &rows, None)?;
        Ok(shown(&taken, ty))
    }
}

/// What SQL calls the type of a column.
pub fn sql_type(field: &Field) -> String {
    if let (DataType::FixedSizeList(_, dim), Some("vector")) = (field.data_type(), named(field)) {
        return format!("vector({dim})");
    }
    match named(field) {
        Some(name) => name.to_owned(),
        None => type_name(field.data_type()),
    }
}

fn named(field: &Field) -> Option<&str> {
    field.metadata().get(SQL_TYPE).map(String::as_str)
}

fn type_name(ty: &DataType) -> String {
    let name = match ty {
        DataType::Boolean => "boolean",
        DataType::Int8 | DataType::Int16 | DataType::UInt8 => "smallint",
        DataType::Int32 | DataType::UInt16 => "integer",
        DataType::Int64 | DataType::UInt32 | DataType::UInt64 => "bigint",
        DataType::Float16 | DataType::Float32 => "real",
        DataType::Float64 => "double precision",
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View | DataType::Null => "text",
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "bytea",
        DataType::Date32 | DataType::Date64 => "date",
        DataType::Timestamp(_, None) => "timestamp without time zone",
        DataType::Timestamp(_, Some(_)) => "timestamp with time zone",
        DataType::Interval(_) | DataType::Duration(_) => "interval",
        DataType::Decimal128(..) | DataType::Decimal256(..) => "numeric",
        DataType::FixedSizeList(item, dim) if *item.data_type() == DataType::Float32 => {
            return format!("vector({dim})");
        }
        DataType::List(item) | DataType::LargeList(item) | DataType::FixedSizeList(item, _) => {
            return format!("{}[]", type_name(item.data_type()));
        }
        other => return other.to_string(),
    };
    name.to_owned()
}

fn rows_of(places: &[(u32, u32)], number: u32) -> impl Iterator<Item = u32> + '_ {
    let of_set = places.iter().filter(move |(set, _)| *set == number);
    of_set.map(|(_, row)| *row)
}

/// What SQL shows of values of type `ty`: UUIDs are text.
fn shown_type(ty: AttributeType) -> DataType {
    match ty {
        AttributeType::Scalar(ScalarType::Uuid) => DataType::Utf8,
        AttributeType::Array(ScalarType::Uuid) => {
            DataType::List(Arc::new(Field::new("item", DataType::Utf8, true)))
        }
        ty => ty.to_arrow(),
    }
}

fn shown(array: &ArrayRef, ty: AttributeType) -> ArrayRef {
    match ty {
        AttributeType::Scalar(ScalarType::Uuid) => uuid_texts(array),
        AttributeType::Array(ScalarType::Uuid) => {
            let list = array.as_list::<i32>();
            let (_, offsets, values, nulls) = list.clone().into_parts();
            let field = Arc::new(Field::new("item", DataType::Utf8, true));
            let shown = arrow_array::ListArray::try_new(field, offsets, uuid_texts(&values), nulls);
            match shown {
                Ok(shown) => Arc::new(shown),
                Err(_) => arrow_array::new_null_array(&shown_type(ty), array.len()),
            }
        }
        _ => Arc::clone(array),
    }
}

fn uuid_texts(array: &ArrayRef) -> ArrayRef {
    let uuids = array.as_any().downcast_ref::<FixedSizeBinaryArray>();
    let Some(uuids) = uuids else {
        return arrow_array::new_null_array(&DataType::Utf8, array.len());
    };
    let text = |bytes: &[u8]| Uuid::from_slice(bytes).ok().map(|uuid| uuid.to_string());
    let texts = uuids.iter().map(|bytes| bytes.and_then(text));
    Arc::new(texts.collect::<StringArray>())
}

fn ids(ids: &IdColumn, rows: std::ops::Range<usize>) -> ArrayRef {
    match ids {
        IdColumn::U64(ids) => Arc::new(UInt64Array::new(ids.slice(rows.start, rows.len()), None)),
        IdColumn::Str(ids) => Arc::new(ids.slice(rows.start, rows.len())),
        IdColumn::Uuid(ids) => {
            let mut texts = StringBuilder::with_capacity(rows.len(), rows.len() * 36);
            let mut buffer = Uuid::encode_buffer();
            for id in &ids[rows] {
                texts.append_value(id.hyphenated().encode_lower(&mut buffer));
            }
            Arc::new(texts.finish())
        }
    }
}

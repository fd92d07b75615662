//! Parts: immutable columnar files of rows of one namespace, sorted by id. Format version 1.
//!
//! A part is an Arrow IPC file of one record batch, uncompressed, its buffers at multiples of 64
//! bytes: a mapped copy is used in place. Its columns:
//!
//! | column | holds |
//! |---|---|
//! | `id` | the ids, rising |
//! | `$hlc`, `$log`, `$seq`, `$index` | the row's stamp; `$log` counts in the list `isobath:logs` |
//! | `$residue` | what of the row's state the columns do not hold ([`Residue`]); only if any row has some |
//! | others | the attributes as a reader sees them; null in rows that are not live |
//!
//! The schema's metadata says the version, namespace, version vector and the number of the
//! manifest that the part was planned for. The part is called by the [`ContentHash`] of its bytes.

mod layout;
mod picked_vectors;
mod residue;
mod substitute;
mod value;

pub use picked_vectors::PickedVectors;

pub use layout::{PREFIX, PartLayout, VectorsAt, read_ids};

use super::{
    FormatError,
    ipc::{Batch, FieldType, ID, Metadata, Tagged, id_column, ids_of, read_file, write_file},
};
use crate::fold::Residue;
use crate::model::{
    AttributeType, Column, ContentHash, IdColumn, LogId, Namespace, Rows, ScalarType, StampColumn,
    VersionVector,
};
use arrow_array::{
    Array, ArrayRef, ArrowPrimitiveType, BinaryArray, PrimitiveArray,
    cast::AsArray,
    types::{UInt16Type, UInt32Type, UInt64Type},
};
use arrow_buffer::{Buffer, ScalarBuffer};
use bytes::Bytes;
use serde::{Serialize, de::DeserializeOwned};
use std::{collections::BTreeMap, io::Write, sync::Arc};
use substitute::Substitute;

const WHAT: &str = "part";

/// The format version that is written.
pub const VERSION: u32 = 1;

const UINT: FieldType = FieldType::Attribute(AttributeType::Scalar(ScalarType::Uint));

/// The columns of stamps.
const STAMPS: [(&str, FieldType); 4] = [
    ("$hlc", UINT),
    ("$log", FieldType::U16),
    ("$seq", UINT),
    ("$index", FieldType::U32),
];

const RESIDUE: &str = "$residue";

/// The rows of a part, and what the file says about itself.
#[derive(Debug, Clone)]
pub struct Part {
    /// The namespace.
    pub namespace: Namespace,
    /// The number of the manifest that it was planned for: no two plans make the same part.
    pub manifest: u64,
    /// What of each log the rows hold.
    pub seen: VersionVector,
    /// The rows, by id.
    pub rows: Arc<Rows>,
    /// Their stamps.
    pub stamps: StampColumn,
    /// By row, what its columns do not hold.
    pub residue: BTreeMap<u32, Residue>,
}

impl Part {
    /// The part's bytes.
    pub fn encode(&self) -> Result<Bytes, FormatError> {
        let mut bytes = Vec::new();
        self.write(&[], &mut bytes)?;
        Ok(bytes.into())
    }

    /// Writes the part, `vectors` too, of which no more than a piece is in memory at a time; the columns of its rows
    /// do not hold them. What the bytes are called, and how many they are.
    pub fn write(
        &self,
        vectors: &[PickedVectors<'_>],
        out: &mut dyn Write,
    ) -> Result<(ContentHash, u64), FormatError> {
        let rows = self.rows.len();
        let placeholders = vectors.iter().map(|v| v.placeholder(rows));
        let placeholders = placeholders.collect::<Result<Vec<_>, _>>()?;
        let columns = self.columns(&placeholders)?;
        let mut out = Substitute::new(out, vectors, &placeholders);
        write_file(WHAT, rows, &columns, self.metadata()?, &mut out)?;
        out.finish()
    }

    fn columns(&self, more: &[Column]) -> Result<Vec<Tagged>, FormatError> {
        let rows = self.rows.len();
        check(&self.rows, &self.stamps).map_err(|why| FormatError::invalid(WHAT, why))?;
        let mut columns = vec![id_column(WHAT, self.rows.ids())?];
        columns.extend(stamp_columns(&self.stamps));
        if !self.residue.is_empty() {
            columns.push(residue_column(rows, &self.residue)?);
        }
        let mut attributes: Vec<&Column> = self.rows.columns().iter().chain(more).collect();
        attributes.sort_by(|a, b| a.name.cmp(&b.name));
        columns.extend(attributes.into_iter().map(|column| Tagged {
            name: column.name.as_str().to_owned(),
            ty: column.ty.into(),
            array: Arc::clone(&column.array),
        }));
        Ok(columns)
    }

    /// Opens a part. Its columns borrow `bytes`, which may be a mapped file: ids, offsets and text
    /// are checked, vectors and numbers are not looked at.
    ///
    /// The bytes are not compared with the part's name: see [`verify`].
    pub fn open(bytes: Bytes) -> Result<Self, FormatError> {
        let (Batch { rows, columns }, metadata) = read_file(WHAT, &Buffer::from(bytes))?;
        check_version(&metadata)?;
        let (mut ids, mut stamps, mut residue) = (None, BTreeMap::new(), BTreeMap::new());
        let mut attributes = Vec::new();
        for column in columns {
            if column.name == ID {
                ids = Some(ids_of(WHAT, &column)?);
            } else if column.name == RESIDUE {
                residue = read_residue(&column)?;
            } else if STAMPS
                .iter()
                .any(|(name, ty)| (column.name.as_str(), column.ty) == (*name, *ty))
            {
                stamps.insert(column.name.clone(), column.array);
            } else {
                attributes.push(attribute(column)?);
            }
        }
        let corrupt = |why: String| FormatError::corrupt(WHAT, why);
        let ids: IdColumn = ids.ok_or_else(|| corrupt("it has no ids".into()))?;
        let stamps = read_stamps(&stamps, get(&metadata, "isobath:logs")?)
            .ok_or_else(|| corrupt("its stamps are not valid".into()))?;
        let rows_of = Rows::new(ids, attributes).map_err(|error| corrupt(error.to_string()))?;
        check(&rows_of, &stamps).map_err(corrupt)?;
        if rows_of.len() != rows || get::<usize>(&metadata, "isobath:rows")? != rows {
            return Err(corrupt("it holds more or fewer rows than it says".into()));
        }
        Ok(Self {
            namespace: get(&metadata, "isobath:namespace")?,
            manifest: get(&metadata, "isobath:manifest")?,
            seen: get(&metadata, "isobath:seen")?,
            rows: Arc::new(rows_of),
            stamps,
            residue,
        })
    }

    fn metadata(&self) -> Result<Metadata, FormatError> {
        Ok([
            ("isobath:version".to_owned(), put(&VERSION)?),
            ("isobath:namespace".to_owned(), put(&self.namespace)?),
            ("isobath:manifest".to_owned(), put(&self.manifest)?),
            ("isobath:seen".to_owned(), put(&self.seen)?),
            ("isobath:logs".to_owned(), put(&self.stamps.logs())?),
            ("isobath:rows".to_owned(), put(&self.rows.len())?),
        ]
        .into())
    }
}

/// Whether `bytes` are those of the object called `hash`; reads all of them.
pub fn verify(bytes: &[u8], hash: ContentHash) -> Result<(), FormatError> {
    if ContentHash::of(bytes) == hash {
        return Ok(());
    }
    Err(FormatError::corrupt(
        WHAT,
        "its bytes are not those that its name is the hash of",
    ))
}

fn put(value: &impl Serialize) -> Result<String, FormatError> {
    serde_json::to_string(value).map_err(|source| FormatError::Json { what: WHAT, source })
}

fn get<T: DeserializeOwned>(metadata: &Metadata, key: &str) -> Result<T, FormatError> {
    let text = metadata.get(key);
    let text = text.ok_or_else(|| FormatError::corrupt(WHAT, format!("it does not say {key}")))?;
    serde_json::from_str(text).map_err(|source| FormatError::Json { what: WHAT, source })
}

fn check_version(metadata: &Metadata) -> Result<(), FormatError> {
    match get(metadata, "isobath:version")? {
        VERSION => Ok(()),
        found => Err(FormatError::Unsupported {
            what: WHAT,
            found,
            supported: VERSION,
        }),
    }
}

/// What must be so on both sides: a stamp per row, and ids that rise.
fn check(rows: &Rows, stamps: &StampColumn) -> Result<(), String> {
    if rows.len() != stamps.len() || u32::try_from(rows.len()).is_err() {
        return Err("it has not one stamp for each row".to_owned());
    }
    if rows.column(ID).is_some() {
        return Err("an attribute is named `id`".to_owned());
    }
    let ids = rows.ids();
    let rising = match ids {
        IdColumn::U64(ids) => ids.is_sorted_by(|a, b| a < b),
        IdColumn::Uuid(ids) => ids.is_sorted_by(|a, b| a < b),
        IdColumn::Str(ids) => (1..ids.len()).all(|row| ids.value(row - 1) < ids.value(row)),
    };
    if rising {
        Ok(())
    } else {
        Err("its ids do not rise".to_owned())
    }
}

fn stamp_columns(stamps: &StampColumn) -> [Tagged; 4] {
    fn array<T: ArrowPrimitiveType>(values: ScalarBuffer<T::Native>) -> ArrayRef {
        Arc::new(PrimitiveArray::<T>::new(values, None))
    }
    let arrays = [
        array::<UInt64Type>(stamps.hlcs()),
        array::<UInt16Type>(stamps.log_numbers()),
        array::<UInt64Type>(stamps.seqs()),
        array::<UInt32Type>(stamps.indices()),
    ];
    let mut at = 0;
    arrays.map(|array| {
        let (name, ty) = STAMPS[at];
        at += 1;
        Tagged {
            name: name.to_owned(),
            ty,
            array,
        }
    })
}

fn read_stamps(columns: &BTreeMap<String, ArrayRef>, logs: Vec<LogId>) -> Option<StampColumn> {
    fn values<T: ArrowPrimitiveType>(
        columns: &BTreeMap<String, ArrayRef>,
        name: &str,
    ) -> Option<ScalarBuffer<T::Native>> {
        let array = columns.get(name)?.as_primitive_opt::<T>()?;
        (array.null_count() == 0).then(|| array.values().clone())
    }
    StampColumn::new(
        logs.into(),
        values::<UInt64Type>(columns, "$hlc")?,
        values::<UInt16Type>(columns, "$log")?,
        values::<UInt64Type>(columns, "$seq")?,
        values::<UInt32Type>(columns, "$index")?,
    )
}

fn attribute(column: Tagged) -> Result<Column, FormatError> {
    let ty = column.ty.attribute();
    let name = column.name.parse().ok().zip(ty);
    let (name, ty) = name.ok_or_else(|| {
        FormatError::corrupt(
            WHAT,
            format!("its column {:?} is no attribute", column.name),
        )
    })?;
    Ok(Column {
        name,
        ty,
        array: column.array,
    })
}

fn residue_column(rows: usize, residue: &BTreeMap<u32, Residue>) -> Result<Tagged, FormatError> {
    let mut encoded = vec![None; rows];
    for (row, residue) in residue {
        let slot = encoded.get_mut(*row as usize);
        let slot =
            slot.ok_or_else(|| FormatError::invalid(WHAT, "residue of a row beyond the last"))?;
        *slot = Some(residue::encode(residue)?);
    }
    let array = BinaryArray::from_iter(encoded);
    Ok(Tagged {
        name: RESIDUE.to_owned(),
        ty: FieldType::Binary,
        array: Arc::new(array),
    })
}

fn read_residue(column: &Tagged) -> Result<BTreeMap<u32, Residue>, FormatError> {
    let array = column.array.as_binary_opt::<i32>();
    let array = array.ok_or_else(|| FormatError::corrupt(WHAT, "its residue is not binary"))?;
    let rows = (0u32..).zip(array.iter());
    rows.filter_map(|(row, bytes)| bytes.map(|bytes| Ok((row, residue::decode(bytes)?))))
        .collect()
}

#[cfg(test)]
mod tests;

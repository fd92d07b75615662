//! The tables of the catalog whose rows follow from the names of the namespaces.

use super::{EMPTY, OWNER, OWNER_OID, PG_CATALOG, PUBLIC_OID, TABLES, table_oid, types};
use crate::{
    SqlError, SqlErrorKind,
    catalog::{DATABASE, PUBLIC},
};
use arrow_array::{ArrayRef, BooleanArray, Float32Array, Int64Array, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use datafusion::{catalog::TableProvider, datasource::MemTable};
use std::{collections::BTreeSet, sync::Arc};

/// The number of what tables are kept in.
const HEAP_OID: i64 = 2;
/// The number of schema `pg_catalog`.
const CATALOG_OID: i64 = 11;
/// The number of schema `information_schema`.
const INFORMATION_OID: i64 = 13_000;

/// A value in a table of the catalog.
#[derive(Debug, Clone)]
pub(super) enum Cell {
    Number(i64),
    Real(f32),
    Text(String),
    Bool(bool),
    Null,
}

impl From<i64> for Cell {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Cell {
    fn from(bool: bool) -> Self {
        Self::Bool(bool)
    }
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// Rows of a table of the catalog. A column has the type of its first value; only nulls are text.
pub(super) fn batch(
    names: &[&str],
    rows: &[Vec<Cell>],
    sample: &[Cell],
) -> Result<RecordBatch, SqlError> {
    let mut fields = vec![];
    let mut arrays: Vec<ArrayRef> = vec![];
    for (at, (name, sample)) in names.iter().zip(sample).enumerate() {
        let cells = rows.iter().map(|row| row.get(at).unwrap_or(&Cell::Null));
        let array: ArrayRef = match sample {
            Cell::Number(_) => Arc::new(
                cells
                    .map(|cell| match cell {
                        Cell::Number(number) => Some(*number),
                        _ => None,
                    })
                    .collect::<Int64Array>(),
            ),
            Cell::Real(_) => Arc::new(
                cells
                    .map(|cell| match cell {
                        Cell::Real(number) => Some(*number),
                        _ => None,
                    })
                    .collect::<Float32Array>(),
            ),
            Cell::Bool(_) => Arc::new(
                cells
                    .map(|cell| match cell {
                        Cell::Bool(bool) => Some(*bool),
                        _ => None,
                    })
                    .collect::<BooleanArray>(),
            ),
            Cell::Text(_) | Cell::Null => Arc::new(
                cells
                    .map(|cell| match cell {
                        Cell::Text(text) => Some(text.as_str()),
                        _ => None,
                    })
                    .collect::<StringArray>(),
            ),
        };
        fields.push(Field::new(*name, array.data_type().clone(), true));
        arrays.push(array);
    }
    let batch = RecordBatch::try_new(Arc::new(Schema::new(fields)), arrays);
    batch.map_err(|error| SqlError::new(SqlErrorKind::Internal, error.to_string()))
}

/// A table of the catalog other than that of the columns; `names` are those of the tables. `None` where there
/// is none of this name.
pub(crate) fn relation(
    table: &str,
    names: &BTreeSet<String>,
) -> Result<Option<Arc<dyn TableProvider>>, SqlError> {
    let batch = match table {
        "pg_class" => classes(names)?,
        "pg_namespace" => {
            let row =
                |oid: i64, name: &str| vec![oid.into(), name.into(), OWNER_OID.into(), Cell::Null];
            let rows = [
                row(CATALOG_OID, PG_CATALOG),
                row(PUBLIC_OID, PUBLIC),
                row(INFORMATION_OID, "information_schema"),
            ];
            of_rows(&["oid", "nspname", "nspowner", "nspacl"], &rows)?
        }
        "pg_type" => types::types()?,
        "pg_am" => of_rows(
            &["oid", "amname", "amhandler", "amtype"],
            &[vec![
                HEAP_OID.into(),
                "heap".into(),
                "heap_tableam_handler".into(),
                "t".into(),
            ]],
        )?,
        "pg_roles" | "pg_user" => roles(table)?,
        "pg_database" => databases()?,
        "pg_extension" => extensions()?,
        empty if EMPTY.contains(&empty) => {
            let schema = Schema::new(vec![Field::new("oid", DataType::Int64, true)]);
            RecordBatch::new_empty(Arc::new(schema))
        }
        _ => return Ok(None),
    };
    debug_assert!(TABLES.contains(&table) || EMPTY.contains(&table), "{table}");
    let table = MemTable::try_new(batch.schema(), vec![vec![batch]])?;
    Ok(Some(Arc::new(table)))
}

/// Rows of which there is at least one, which shows the types.
pub(super) fn of_rows(names: &[&str], rows: &[Vec<Cell>]) -> Result<RecordBatch, SqlError> {
    let sample = rows.first().map_or(&[][..], Vec::as_slice);
    batch(names, rows, sample)
}

fn databases() -> Result<RecordBatch, SqlError> {
    of_rows(
        &[
            "oid",
            "datname",
            "datdba",
            "encoding",
            "datcollate",
            "datctype",
            "datistemplate",
            "datallowconn",
            "datacl",
        ],
        &[vec![
            1.into(),
            DATABASE.into(),
            OWNER_OID.into(),
            6.into(),
            "C".into(),
            "C".into(),
            false.into(),
            true.into(),
            Cell::Null,
        ]],
    )
}

fn extensions() -> Result<RecordBatch, SqlError> {
    of_rows(
        &[
            "oid",
            "extname",
            "extowner",
            "extnamespace",
            "extrelocatable",
            "extversion",
        ],
        &[vec![
            i64::from(super::FIRST_OID).into(),
            "vector".into(),
            OWNER_OID.into(),
            PUBLIC_OID.into(),
            false.into(),
            "0.8.0".into(),
        ]],
    )
}

fn roles(table: &str) -> Result<RecordBatch, SqlError> {
    if table == "pg_user" {
        let names = ["usename", "usesysid", "usecreatedb", "usesuper"];
        return of_rows(
            &names,
            &[vec![
                OWNER.into(),
                OWNER_OID.into(),
                false.into(),
                false.into(),
            ]],
        );
    }
    let names = [
        "oid",
        "rolname",
        "rolsuper",
        "rolinherit",
        "rolcreaterole",
        "rolcreatedb",
        "rolcanlogin",
        "rolreplication",
        "rolconnlimit",
        "rolvaliduntil",
        "rolbypassrls",
    ];
    of_rows(
        &names,
        &[vec![
            OWNER_OID.into(),
            OWNER.into(),
            false.into(),
            true.into(),
            false.into(),
            false.into(),
            true.into(),
            false.into(),
            (-1).into(),
            Cell::Null,
            false.into(),
        ]],
    )
}

fn classes(names: &BTreeSet<String>) -> Result<RecordBatch, SqlError> {
    let columns = [
        "oid",
        "relname",
        "relnamespace",
        "reltype",
        "reloftype",
        "relowner",
        "relam",
        "relfilenode",
        "reltablespace",
        "reltuples",
        "reltoastrelid",
        "relhasindex",
        "relisshared",
        "relpersistence",
        "relkind",
        "relchecks",
        "relhasrules",
        "relhastriggers",
        "relhassubclass",
        "relrowsecurity",
        "relforcerowsecurity",
        "relispopulated",
        "relreplident",
        "relispartition",
        "relacl",
        "reloptions",
        "relpartbound",
    ];
    let row = |name: &str| {
        let (oid, no) = (table_oid(name), || Cell::Bool(false));
        vec![
            oid.into(),
            name.into(),
            PUBLIC_OID.into(),
            0.into(),
            0.into(),
            OWNER_OID.into(),
            HEAP_OID.into(),
            oid.into(),
            0.into(),
            Cell::Real(-1.0),
            0.into(),
            no(),
            no(),
            "p".into(),
            "r".into(),
            0.into(),
            no(),
            no(),
            no(),
            no(),
            no(),
            Cell::Bool(true),
            "d".into(),
            no(),
            Cell::Null,
            Cell::Null,
            Cell::Null,
        ]
    };
    let rows: Vec<Vec<Cell>> = names.iter().map(|name| row(name)).collect();
    batch(&columns, &rows, &row(""))
}

//! The types: what PostgreSQL calls them and how it numbers them.

use super::relation::{Cell, of_rows};
use crate::{
    SqlError,
    wire::{array_of, oid},
};
use arrow_array::RecordBatch;

/// The number of schema `pg_catalog`.
const CATALOG_OID: i64 = 11;

/// A type that clients ask for.
struct Type {
    oid: u32,
    name: &'static str,
    /// What SQL calls it, where that is another name.
    sql: Option<&'static str>,
    /// Bytes of a value; -1 where they vary.
    len: i64,
    category: &'static str,
}

const fn plain(oid: u32, name: &'static str, len: i64, category: &'static str) -> Type {
    Type {
        oid,
        name,
        sql: None,
        len,
        category,
    }
}

const fn named(
    oid: u32,
    (name, sql): (&'static str, &'static str),
    len: i64,
    category: &'static str,
) -> Type {
    Type {
        oid,
        name,
        sql: Some(sql),
        len,
        category,
    }
}

/// All of them; arrays have types of their own besides.
const TYPES: [Type; 23] = [
    named(oid::BOOL, ("bool", "boolean"), 1, "B"),
    plain(oid::BYTEA, "bytea", -1, "U"),
    named(18, ("char", "\"char\""), 1, "Z"),
    plain(19, "name", 64, "S"),
    named(oid::INT8, ("int8", "bigint"), 8, "N"),
    named(oid::INT2, ("int2", "smallint"), 2, "N"),
    named(oid::INT4, ("int4", "integer"), 4, "N"),
    plain(oid::TEXT, "text", -1, "S"),
    plain(oid::OID, "oid", 4, "N"),
    plain(114, "json", -1, "U"),
    plain(3_802, "jsonb", -1, "U"),
    named(oid::FLOAT4, ("float4", "real"), 4, "N"),
    named(oid::FLOAT8, ("float8", "double precision"), 8, "N"),
    plain(oid::UNKNOWN, "unknown", -2, "X"),
    named(oid::VARCHAR, ("varchar", "character varying"), -1, "S"),
    named(oid::BPCHAR, ("bpchar", "character"), -1, "S"),
    plain(oid::DATE, "date", 4, "D"),
    named(
        oid::TIMESTAMP,
        ("timestamp", "timestamp without time zone"),
        8,
        "D",
    ),
    named(
        oid::TIMESTAMPTZ,
        ("timestamptz", "timestamp with time zone"),
        8,
        "D",
    ),
    plain(oid::NUMERIC, "numeric", -1, "N"),
    plain(oid::UUID, "uuid", 16, "U"),
    plain(1_560, "bit", -1, "V"),
    plain(oid::VECTOR, "vector", -1, "U"),
];

/// `pg_type`.
pub(super) fn types() -> Result<RecordBatch, SqlError> {
    let names = [
        "oid",
        "typname",
        "typnamespace",
        "typowner",
        "typlen",
        "typbyval",
        "typtype",
        "typcategory",
        "typisdefined",
        "typdelim",
        "typrelid",
        "typelem",
        "typarray",
        "typnotnull",
        "typbasetype",
        "typtypmod",
        "typcollation",
        "typdefault",
    ];
    let row =
        |(oid, name): (u32, &str), (len, category): (i64, &str), (element, array): (u32, u32)| {
            vec![
                i64::from(oid).into(),
                name.into(),
                CATALOG_OID.into(),
                super::OWNER_OID.into(),
                len.into(),
                (1..=8).contains(&len).into(),
                "b".into(),
                category.into(),
                true.into(),
                ",".into(),
                0.into(),
                i64::from(element).into(),
                i64::from(array).into(),
                false.into(),
                0.into(),
                (-1).into(),
                0.into(),
                Cell::Null,
            ]
        };
    let mut rows = vec![];
    for ty in &TYPES {
        let array = array_of(ty.oid).unwrap_or(0);
        rows.push(row((ty.oid, ty.name), (ty.len, ty.category), (0, array)));
        if array != 0 {
            rows.push(row(
                (array, &format!("_{}", ty.name)),
                (-1, "A"),
                (ty.oid, 0),
            ));
        }
    }
    of_rows(&names, &rows)
}

/// The number of a type that is named as SQL names it.
pub(super) fn oid_of(name: &str) -> Option<u32> {
    let name = name.trim().to_ascii_lowercase();
    let name = name.strip_prefix("pg_catalog.").unwrap_or(&name);
    let (name, is_array) = match name.strip_suffix("[]") {
        Some(item) => (item, true),
        None => (
            name.strip_prefix('_').unwrap_or(name),
            name.starts_with('_'),
        ),
    };
    let name = match name {
        "int" => "int4",
        "float" => "float8",
        name => name
            .split_once('(')
            .map_or(name, |(name, _)| name.trim_end()),
    };
    let found = TYPES
        .iter()
        .find(|ty| ty.name == name || ty.sql == Some(name))?;
    if is_array {
        array_of(found.oid)
    } else {
        Some(found.oid)
    }
}

/// What SQL calls the type of a number; `modifier` is what belongs to the type.
pub(super) fn name_of(oid: i64, modifier: Option<i64>) -> String {
    let known = |oid: i64| TYPES.iter().find(|ty| i64::from(ty.oid) == oid);
    let element = TYPES
        .iter()
        .find(|ty| array_of(ty.oid).map(i64::from) == Some(oid));
    match (known(oid), element, modifier) {
        (Some(ty), _, Some(dim)) if ty.oid == oid::VECTOR && dim > 0 => format!("vector({dim})"),
        (Some(ty), _, _) => ty.sql.unwrap_or(ty.name).to_owned(),
        (None, Some(element), _) => format!("{}[]", element.sql.unwrap_or(element.name)),
        (None, None, _) if oid == 0 => "-".to_owned(),
        (None, None, _) => "???".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_name_and_number_types() {
        for (text, oid, name) in [
            ("vector", oid::VECTOR, "vector"),
            ("int", 23, "integer"),
            ("text[]", 1009, "text[]"),
            ("_float8", 1022, "double precision[]"),
            ("character varying(12)", 1043, "character varying"),
            ("pg_catalog.int8", 20, "bigint"),
        ] {
            assert_eq!(oid_of(text), Some(oid), "{text}");
            assert_eq!(name_of(oid.into(), None), name);
        }
        assert_eq!(oid_of("hstore"), None);
        assert_eq!(name_of(oid::VECTOR.into(), Some(3)), "vector(3)");
        assert_eq!(types().unwrap().num_rows(), TYPES.len() + 13);
    }
}

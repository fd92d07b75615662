//! `pg_catalog`: PostgreSQL's own catalog, as far as its clients ask for it.
//!
//! ```text
//! text ─rewrite─▶ plain SQL over the tables here ─▶ rows out of the names and schemas of the namespaces
//! ```
//!
//! What PostgreSQL keeps there about things that do not exist here (triggers, policies, …) is empty, and a query
//! that needs a row of it gives none.

mod attributes;
mod functions;
mod relation;
mod rewrite;
mod types;

pub(crate) use attributes::AttributeTable;
pub(crate) use functions::functions;
pub(crate) use relation::relation;
pub(crate) use rewrite::{empty_order, expression, select, table};

/// The schema of these tables.
pub(crate) const PG_CATALOG: &str = "pg_catalog";
/// The name of the one user.
pub(crate) const OWNER: &str = "isobath";
/// The number of schema `public`.
const PUBLIC_OID: i64 = 2_200;
/// The number of the one user.
const OWNER_OID: i64 = 10;
/// The first number that PostgreSQL gives to what users make.
const FIRST_OID: u32 = 16_384;

/// Tables that have rows.
const TABLES: [&str; 9] = [
    "pg_class",
    "pg_attribute",
    "pg_namespace",
    "pg_type",
    "pg_am",
    "pg_roles",
    "pg_user",
    "pg_database",
    "pg_extension",
];

/// Tables about what does not exist here.
const EMPTY: [&str; 22] = [
    "pg_attrdef",
    "pg_collation",
    "pg_constraint",
    "pg_depend",
    "pg_description",
    "pg_enum",
    "pg_event_trigger",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_foreign_table",
    "pg_index",
    "pg_inherits",
    "pg_partitioned_table",
    "pg_policy",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_range",
    "pg_rewrite",
    "pg_statistic_ext",
    "pg_subscription",
    "pg_trigger",
];

/// The number of a table: the same on all nodes.
pub(crate) fn table_oid(name: &str) -> i64 {
    // FNV-1a; numbers are 31 bits, so that clients with signed ones can hold them
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    i64::from(FIRST_OID + hash % ((1 << 31) - FIRST_OID))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_number_tables() {
        assert_eq!(table_oid("docs"), table_oid("docs"));
        assert_ne!(table_oid("docs"), table_oid("dogs"));
        for name in ["", "a", "docs"] {
            assert!((16_384..1 << 31).contains(&table_oid(name)), "{name}");
        }
    }
}

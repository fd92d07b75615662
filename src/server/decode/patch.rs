//! [`read_patch`]: the values that a patch by filter sets in every row.

use super::{
    Fault,
    cell::CellSeed,
    reading::{Layout, Member, Reading},
    table::{MemberSeed, Table},
};
use isobath_storage::model::Column;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Reads the values as columns of one row.
pub(super) fn read_patch(json: &RawValue, reading: &Reading<'_>) -> Result<Vec<Column>, Fault> {
    let mut table = Table::default();
    let seed = PatchSeed {
        table: &mut table,
        reading,
    };
    let read = seed.deserialize(&mut serde_json::Deserializer::from_str(json.get()));
    read.map_err(|e| {
        let fault = reading.fault(&e);
        table.place(fault, Layout::Rows, reading.member.get(), None)
    })?;
    let mut columns = vec![];
    for builder in table.columns {
        let name = builder.name.clone();
        let gathered = builder.finish(1, reading);
        let gathered = gathered.map_err(|(_, fault)| fault.under(name.as_str()))?;
        if !gathered.dims.is_empty() {
            return Err(Fault::not_yet("`$dims` in a patch by filter").under(name.as_str()));
        }
        columns.extend(gathered.column);
    }
    Ok(columns)
}

/// Reads one object without an id.
struct PatchSeed<'a> {
    table: &'a mut Table,
    reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for PatchSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for PatchSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { table, reading } = self;
        while let Some(member) = map.next_key_seed(MemberSeed {
            table: &mut *table,
            reading,
        })? {
            reading.member.set(Some(member));
            match member {
                Member::Id => {
                    return Err(reading.refuse(Fault::invalid("an id cannot be patched")));
                }
                Member::Attribute(at) => map.next_value_seed(CellSeed {
                    column: &mut table.columns[at],
                    row: 0,
                    reading,
                })?,
            }
            reading.member.set(None);
        }
        Ok(())
    }
}

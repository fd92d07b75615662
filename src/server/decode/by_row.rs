//! [`RowsSeed`]: reads rows, one object each, into a table.

use super::{
    Fault,
    cell::CellSeed,
    id::IdSeed,
    reading::{Member, Reading},
    table::{MemberSeed, Table},
};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::fmt;

/// Reads one object a row.
pub(super) struct RowsSeed<'a> {
    pub(super) table: &'a mut Table,
    pub(super) reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for RowsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for RowsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        for row in 0.. {
            self.reading.row.set(Some(row));
            self.reading.member.set(None);
            let seed = RowSeed {
                table: &mut *self.table,
                reading: self.reading,
                row,
            };
            if seq.next_element_seed(seed)?.is_none() {
                break;
            }
        }
        Ok(())
    }
}

/// Reads one row.
struct RowSeed<'a> {
    table: &'a mut Table,
    reading: &'a Reading<'a>,
    row: usize,
}

impl<'de> DeserializeSeed<'de> for RowSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for RowSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a row: a map with `id` and attributes")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self {
            table,
            reading,
            row,
        } = self;
        while let Some(member) = map.next_key_seed(MemberSeed {
            table: &mut *table,
            reading,
        })? {
            reading.member.set(Some(member));
            match member {
                Member::Id if table.ids.len() > row => {
                    return Err(reading.refuse(Fault::invalid("given twice")));
                }
                Member::Id => table.ids.push(map.next_value_seed(IdSeed(reading))?),
                Member::Attribute(at) => map.next_value_seed(CellSeed {
                    column: &mut table.columns[at],
                    row,
                    reading,
                })?,
            }
            reading.member.set(None);
        }
        if table.ids.len() == row {
            return Err(reading.refuse(Fault::invalid("a row needs an `id`")));
        }
        Ok(())
    }
}

//! [`ColumnsSeed`]: reads columns, one array each, into a table.

use super::{
    Fault,
    cell::CellSeed,
    id::IdSeed,
    reading::{Member, Reading},
    table::{MemberSeed, Table},
};
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use std::{collections::HashSet, fmt};

/// Reads one array an attribute.
pub(super) struct ColumnsSeed<'a> {
    pub(super) table: &'a mut Table,
    pub(super) reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for ColumnsSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for ColumnsSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of columns")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let Self { table, reading } = self;
        let mut seen = HashSet::new();
        while let Some(member) = map.next_key_seed(MemberSeed {
            table: &mut *table,
            reading,
        })? {
            reading.member.set(Some(member));
            let key = match member {
                Member::Id => None,
                Member::Attribute(at) => Some(at),
            };
            if !seen.insert(key) {
                return Err(reading.refuse(Fault::invalid("given twice")));
            }
            map.next_value_seed(ColumnSeed {
                table: &mut *table,
                reading,
                member,
            })?;
            reading.row.set(None);
            reading.member.set(None);
        }
        if seen.contains(&None) {
            Ok(())
        } else {
            Err(reading.refuse(Fault::invalid("columns need an `id`")))
        }
    }
}

/// Reads one column.
pub(super) struct ColumnSeed<'a> {
    pub(super) table: &'a mut Table,
    pub(super) reading: &'a Reading<'a>,
    pub(super) member: Member,
}

impl<'de> DeserializeSeed<'de> for ColumnSeed<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for ColumnSeed<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a sequence")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<(), A::Error> {
        let Self {
            table,
            reading,
            member,
        } = self;
        for row in 0.. {
            reading.row.set(Some(row));
            let more = match member {
                Member::Id => {
                    let id = seq.next_element_seed(IdSeed(reading))?;
                    let more = id.is_some();
                    table.ids.extend(id);
                    more
                }
                Member::Attribute(at) => {
                    let column = &mut table.columns[at];
                    let seed = CellSeed {
                        column,
                        row,
                        reading,
                    };
                    seq.next_element_seed(seed)?.is_some()
                }
            };
            if !more {
                break;
            }
        }
        Ok(())
    }
}

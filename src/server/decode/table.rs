//! [`Table`]: the ids and columns of one section of a write.

use super::{
    Fault,
    by_column::{ColumnSeed, ColumnsSeed},
    by_row::RowsSeed,
    column::ColumnBuilder,
    declared::{MAX_ATTRIBUTES, parse_name},
    reading::{Layout, Member, Reading},
};
use isobath_storage::model::{AttributeName, Id, IdColumn, IdKind, PatchMask, Rows, SparsePatch};
use serde::de::{DeserializeSeed, Deserializer, Error, Visitor};
use serde_json::value::RawValue;
use std::{collections::HashMap, fmt};

/// The ids and columns of one section of a write.
#[derive(Debug, Default)]
pub(super) struct Table {
    pub(super) ids: Vec<Id>,
    pub(super) columns: Vec<ColumnBuilder>,
    by_name: HashMap<AttributeName, usize>,
}

/// What became of a section.
#[derive(Debug)]
pub(super) struct Finished {
    pub(super) rows: Rows,
    pub(super) mask: PatchMask,
    pub(super) sparse: Vec<SparsePatch>,
}

impl Table {
    /// Reads a section.
    pub(super) fn read(
        json: &RawValue,
        layout: Layout,
        reading: &Reading<'_>,
    ) -> Result<Self, Fault> {
        let mut table = Self::default();
        let mut json = serde_json::Deserializer::from_str(json.get());
        let read = match layout {
            Layout::Rows => RowsSeed {
                table: &mut table,
                reading,
            }
            .deserialize(&mut json),
            Layout::Columns => ColumnsSeed {
                table: &mut table,
                reading,
            }
            .deserialize(&mut json),
        };
        read.map_err(|e| {
            table.place(
                reading.fault(&e),
                layout,
                reading.member.get(),
                reading.row.get(),
            )
        })?;
        table.check(layout)?;
        Ok(table)
    }

    /// Reads ids alone.
    pub(super) fn read_ids(json: &RawValue, reading: &Reading<'_>) -> Result<Vec<Id>, Fault> {
        let mut table = Self::default();
        let seed = ColumnSeed {
            table: &mut table,
            reading,
            member: Member::Id,
        };
        let read = seed.deserialize(&mut serde_json::Deserializer::from_str(json.get()));
        read.map_err(|e| {
            let mut fault = reading.fault(&e);
            if reading.row.get().is_some() {
                fault = fault.of_value();
            }
            reading.row.get().map_or(fault.clone(), |row| fault.at(row))
        })?;
        Ok(table.ids)
    }

    /// `fault` with the way to the value. A value of another type than needed is no matter of shape.
    pub(super) fn place(
        &self,
        fault: Fault,
        layout: Layout,
        member: Option<Member>,
        row: Option<usize>,
    ) -> Fault {
        let name = match member {
            None => "",
            Some(Member::Id) => "id",
            Some(Member::Attribute(at)) => self.columns[at].name.as_str(),
        };
        let fault = match member {
            Some(_) => fault.of_value(),
            None => fault,
        };
        let at = |fault: Fault| row.map_or(fault.clone(), |row| fault.at(row));
        match layout {
            Layout::Rows => at(fault.under(name)),
            Layout::Columns => at(fault).under(name),
        }
    }

    /// Columns that stand as columns are as long as the ids.
    fn check(&self, layout: Layout) -> Result<(), Fault> {
        if layout == Layout::Rows {
            return Ok(());
        }
        let rows = self.ids.len();
        match self.columns.iter().find(|column| column.len() != rows) {
            Some(column) => {
                let text = format!("{} values for {rows} ids", column.len());
                Err(Fault::invalid(text).under(column.name.as_str()))
            }
            None => Ok(()),
        }
    }

    /// The member called `name`.
    fn member(&mut self, name: &str, reading: &Reading<'_>) -> Result<Member, Fault> {
        if name == "id" {
            return Ok(Member::Id);
        }
        if let Some(at) = self.by_name.get(name) {
            return Ok(Member::Attribute(*at));
        }
        let name = parse_name(name)?;
        if self.columns.len() >= MAX_ATTRIBUTES {
            let text = format!("more than {MAX_ATTRIBUTES} attributes");
            return Err(Fault::invalid(text));
        }
        let at = self.columns.len();
        self.columns.push(ColumnBuilder::new(name.clone(), reading));
        self.by_name.insert(name, at);
        Ok(Member::Attribute(at))
    }

    /// The rows, with every column as long as the ids.
    pub(super) fn finish(
        mut self,
        kind: IdKind,
        layout: Layout,
        reading: &Reading<'_>,
    ) -> Result<Finished, Fault> {
        let (mut columns, mut mask, mut sparse) = (vec![], PatchMask::all(), vec![]);
        for at in 0..self.columns.len() {
            let empty = ColumnBuilder::new(self.columns[at].name.clone(), reading);
            let builder = std::mem::replace(&mut self.columns[at], empty);
            let name = builder.name.clone();
            let gathered = builder.finish(self.ids.len(), reading);
            let gathered = gathered.map_err(|(row, fault)| {
                self.place(fault, layout, Some(Member::Attribute(at)), row)
            })?;
            for (row, dims) in gathered.dims {
                sparse.push(SparsePatch {
                    id: self.ids[row].clone(),
                    attribute: name.clone(),
                    dims,
                });
            }
            if let (Some(_), Some(set)) = (&gathered.column, gathered.set) {
                mask.insert(name, set);
            }
            columns.extend(gathered.column);
        }
        let ids = IdColumn::from_ids(kind, &self.ids)
            .ok_or_else(|| Fault::invalid("ids of several kinds"))?;
        let rows = Rows::new(ids, columns).map_err(|e| Fault::invalid(e.to_string()))?;
        Ok(Finished { rows, mask, sparse })
    }
}

/// Reads the name of a member.
pub(super) struct MemberSeed<'a> {
    pub(super) table: &'a mut Table,
    pub(super) reading: &'a Reading<'a>,
}

impl<'de> DeserializeSeed<'de> for MemberSeed<'_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberSeed<'_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an attribute's name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Member, E> {
        let member = self.table.member(name, self.reading);
        member.map_err(|fault| self.reading.refuse(fault))
    }
}

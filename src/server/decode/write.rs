//! [`DecodedWrite`]: from the body of a write to its command.

use super::{
    Allowance, Budget, Declared, Fault, Fields, Types, check_encryption,
    limits::check_rows,
    patch::read_patch,
    read_branch, read_condition, read_copy, read_filter, read_schema,
    reading::{Layout, Reading},
    table::Table,
};
use crate::server::{ByFilter, Conditions, CopyFrom, Existence, PatchByFilter, WriteCommand};
use isobath_storage::model::{
    AttributeName, AttributeType, Column, Control, Id, IdColumn, IdKind, Metric, Mutation, Rows,
    Schema,
};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::{
    cell::Cell,
    collections::{BTreeMap, HashSet},
    num::NonZeroUsize,
    sync::Arc,
};

/// Members that ask for what does not exist yet.
const NOT_YET: [&str; 3] = ["sharding", "upserts", "vectors"];

/// Members that make a write depend on what rows hold.
const DEPENDING: [&str; 6] = [
    "sql",
    "delete_by_filter",
    "patch_by_filter",
    "upsert_condition",
    "patch_condition",
    "delete_condition",
];

/// The sections that hold rows: the member, how it is laid out, whether it patches.
const SECTIONS: [(&str, Layout, bool); 4] = [
    ("upsert_rows", Layout::Rows, false),
    ("upsert_columns", Layout::Columns, false),
    ("patch_rows", Layout::Rows, true),
    ("patch_columns", Layout::Columns, true),
];

/// A write's command, and what only the answer needs.
#[derive(Debug)]
pub(crate) struct DecodedWrite {
    pub(crate) command: WriteCommand,
    /// Bytes of the ids and values that were sent.
    pub(crate) logical_bytes: u64,
    /// It is taken even where much waits to be folded.
    pub(crate) disable_backpressure: bool,
    /// In how many regions' buckets it is wanted.
    pub(crate) concern: Option<WriteConcern>,
}

/// In how many regions' buckets a write is wanted before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WriteConcern {
    /// How many, that which commits it among them.
    pub(crate) regions: NonZeroUsize,
    /// How long to wait for them, in milliseconds.
    #[serde(default)]
    pub(crate) wait_ms: Option<u64>,
}

impl DecodedWrite {
    /// Whether it asks for nothing: its lists are empty.
    pub(crate) fn is_empty(&self) -> bool {
        let command = &self.command;
        let by_filter = command.delete_by_filter.is_some() || command.patch_by_filter.is_some();
        let plain = command.declarations.is_empty() && command.mutations.is_empty();
        plain && !by_filter && command.copy_from.is_none()
    }
}

/// Decodes the body of a write to a namespace that has `schema` now; the values may take `memory`.
pub(crate) fn decode_write(
    body: &[u8],
    schema: Option<Arc<Schema>>,
    memory: Allowance,
) -> Result<DecodedWrite, Fault> {
    let mut fields = Fields::parse(body)?;
    let disable_backpressure = fields.take::<bool>("disable_backpressure")?;
    let concern = fields.take::<WriteConcern>("write_concern")?;
    fields.refuse(&NOT_YET)?;
    fields.read("encryption", check_encryption)?;
    if let Some(copy) = fields.read("copy_from_namespace", read_copy)? {
        return decode_copy(copy, fields, concern);
    }
    if let Some(branch) = fields.read("branch_from_namespace", read_branch)? {
        return decode_copy(branch, fields, concern);
    }
    let metric = fields.take::<Metric>("distance_metric")?;
    let declared = fields.read("schema", read_schema)?.unwrap_or_default();
    let create = fields.take::<bool>("create_namespace")?;
    let types = Types::new(declared, schema, metric)?;
    let mut gathering = Gathering::new(&types, memory);
    let mut empty = true;
    for (name, layout, patch) in SECTIONS {
        let read = fields.read(name, |json| gathering.section(json, layout, patch))?;
        empty &= read.is_none();
    }
    let deletes = fields.read("deletes", |json| gathering.deletes(json))?;
    gathering.by_filter(&mut fields)?;
    gathering.command.conditions = Conditions {
        upsert: fields.read("upsert_condition", read_condition)?,
        patch: fields.read("patch_condition", read_condition)?,
        delete: fields.read("delete_condition", read_condition)?,
    };
    gathering.command.return_ids = fields.take("return_affected_ids")?.unwrap_or_default();
    fields.finish()?;
    empty &= deletes.is_none() && create.is_none() && types.is_silent();
    empty &= gathering.command.delete_by_filter.is_none();
    empty &= gathering.command.patch_by_filter.is_none();
    if empty {
        return Err(Fault::invalid("the write holds nothing to do"));
    }
    let mut decoded = gathering.finish(create)?;
    decoded.disable_backpressure = disable_backpressure == Some(true);
    decoded.concern = concern;
    Ok(decoded)
}

/// The command of a copy, beside which nothing else may stand.
fn decode_copy(
    copy: CopyFrom,
    fields: Fields<'_>,
    concern: Option<WriteConcern>,
) -> Result<DecodedWrite, Fault> {
    if let Some((name, _)) = fields.into_members().next() {
        let text = format!("nothing may stand beside it, but there is `{name}`");
        return Err(Fault::invalid(text).under(copy.kind.field()));
    }
    Ok(DecodedWrite {
        command: WriteCommand {
            copy_from: Some(copy),
            ..WriteCommand::default()
        },
        logical_bytes: 0,
        disable_backpressure: false,
        concern,
    })
}

/// Decodes the body of a schema update: the schema itself.
pub(crate) fn decode_schema(
    body: &[u8],
    schema: Option<Arc<Schema>>,
    memory: Allowance,
) -> Result<DecodedWrite, Fault> {
    let json = serde_json::from_slice(body).map_err(|e| Fault::of_json(&e))?;
    let declared: BTreeMap<AttributeName, Declared> = read_schema(json)?;
    if declared.is_empty() {
        return Err(Fault::invalid("the schema names no attribute"));
    }
    let types = Types::new(declared, schema, None)?;
    Gathering::new(&types, memory).finish(Some(false))
}

/// Whether the write in `body` depends on what rows hold, so that it must not be carried out twice.
pub(crate) fn depends_on_rows(body: &[u8]) -> bool {
    let Ok(mut fields) = Fields::parse(body) else {
        return false;
    };
    DEPENDING.iter().any(|name| fields.take_raw(name).is_some())
}

/// Gathers what the sections of a write hold.
struct Gathering<'t> {
    types: &'t Types,
    budget: Budget,
    id_kind: Cell<Option<IdKind>>,
    ids: HashSet<Id>,
    used: BTreeMap<AttributeName, AttributeType>,
    /// What of the command is known so far; of its mutations those of rows.
    command: WriteCommand,
    logical_bytes: u64,
}

impl<'t> Gathering<'t> {
    fn new(types: &'t Types, memory: Allowance) -> Self {
        Self {
            types,
            budget: Budget::new(memory),
            id_kind: Cell::new(types.id_kind()),
            ids: HashSet::new(),
            used: BTreeMap::new(),
            command: WriteCommand::default(),
            logical_bytes: 0,
        }
    }

    /// Reads a section that upserts or patches rows.
    fn section(&mut self, json: &RawValue, layout: Layout, patch: bool) -> Result<(), Fault> {
        let reading = Reading::new(self.types, &self.budget, &self.id_kind, patch);
        let table = Table::read(json, layout, &reading)?;
        let Some(kind) = self.id_kind.get().filter(|_| !table.ids.is_empty()) else {
            return Ok(());
        };
        add_ids(&mut self.ids, &table.ids)?;
        let finished = table.finish(kind, layout, &reading)?;
        check_rows(&finished.rows).map_err(|(row, fault)| fault.at(row))?;
        self.logical_bytes += logical_bytes(&finished.rows);
        self.uses(finished.rows.columns())?;
        let mutation = if patch {
            Mutation::Patch(finished.mask, finished.rows)
        } else {
            Mutation::Upsert(finished.rows)
        };
        self.command.mutations.push(mutation);
        if !finished.sparse.is_empty() {
            let dims = finished.sparse.iter().map(|patch| patch.dims.len() as u64);
            self.logical_bytes += dims.sum::<u64>() * 8;
            self.command
                .mutations
                .push(Mutation::SparsePatch(finished.sparse));
        }
        Ok(())
    }

    /// Takes note of the types of attributes that are written.
    fn uses(&mut self, columns: &[Column]) -> Result<(), Fault> {
        for column in columns {
            let first = self.used.insert(column.name.clone(), column.ty);
            if let Some(other) = first.filter(|ty| *ty != column.ty) {
                let text = format!(
                    "{other} elsewhere in the request, but here it is {}",
                    column.ty
                );
                return Err(Fault::invalid(text).under(column.name.as_str()));
            }
        }
        Ok(())
    }

    /// Reads the sections that name rows by filters.
    fn by_filter(&mut self, fields: &mut Fields<'_>) -> Result<(), Fault> {
        let allow = fields.take::<bool>("delete_by_filter_allow_partial")?;
        let filter = fields.read("delete_by_filter", read_filter)?;
        self.command.delete_by_filter = filter.map(|filter| ByFilter {
            filter,
            allow_partial: allow.unwrap_or_default(),
        });
        let allow = fields.take::<bool>("patch_by_filter_allow_partial")?;
        let patch = fields.read("patch_by_filter", |json| {
            self.patch_by_filter(json, allow.unwrap_or_default())
        })?;
        self.command.patch_by_filter = patch;
        Ok(())
    }

    fn patch_by_filter(
        &mut self,
        json: &RawValue,
        allow_partial: bool,
    ) -> Result<PatchByFilter, Fault> {
        let mut fields = Fields::of(json)?;
        let filter = fields.read("filters", read_filter)?;
        let filter = filter.ok_or_else(|| Fault::unfit("missing field `filters`"))?;
        let reading = Reading::new(self.types, &self.budget, &self.id_kind, true);
        let columns = fields.read("patch", |json| read_patch(json, &reading))?;
        let columns = columns.ok_or_else(|| Fault::unfit("missing field `patch`"))?;
        fields.finish()?;
        self.uses(&columns).map_err(|fault| fault.under("patch"))?;
        Ok(PatchByFilter {
            rows: ByFilter {
                filter,
                allow_partial,
            },
            columns,
        })
    }

    fn deletes(&mut self, json: &RawValue) -> Result<(), Fault> {
        let reading = Reading::new(self.types, &self.budget, &self.id_kind, false);
        let ids = Table::read_ids(json, &reading)?;
        let Some(kind) = self.id_kind.get().filter(|_| !ids.is_empty()) else {
            return Ok(());
        };
        add_ids(&mut self.ids, &ids)?;
        let ids = IdColumn::from_ids(kind, &ids);
        let ids = ids.ok_or_else(|| Fault::invalid("ids of several kinds"))?;
        self.logical_bytes += ids.iter().map(|id| id_bytes(&id)).sum::<u64>();
        self.command.mutations.push(Mutation::Delete(ids));
        Ok(())
    }

    fn is_without_rows(&self) -> bool {
        let command = &self.command;
        let by_filter = command.delete_by_filter.is_some() || command.patch_by_filter.is_some();
        command.mutations.is_empty() && !by_filter
    }

    fn finish(self, create: Option<bool>) -> Result<DecodedWrite, Fault> {
        let ids = self.id_kind.get().filter(|_| !self.ids.is_empty());
        let declarations = self.types.declarations(&self.used, ids)?;
        let mut controls = self.types.controls();
        let existence = match create {
            Some(true) if self.id_kind.get().is_none() => {
                let fault = Fault::invalid("needs the type of `id` in `schema`");
                return Err(fault.under("create_namespace"));
            }
            Some(true) => {
                controls.insert(0, Control::Create);
                Existence::Create
            }
            Some(false) => Existence::MustExist,
            None if self.is_without_rows() && !self.types.is_silent() => Existence::MustExist,
            None => Existence::Implicit,
        };
        let controls = controls.into_iter().map(Mutation::Control);
        Ok(DecodedWrite {
            command: WriteCommand {
                existence,
                declarations,
                mutations: controls.chain(self.command.mutations).collect(),
                ..self.command
            },
            logical_bytes: self.logical_bytes,
            disable_backpressure: false,
            concern: None,
        })
    }
}

/// Adds `ids` to those of the request, none of which may come twice.
fn add_ids(seen: &mut HashSet<Id>, ids: &[Id]) -> Result<(), Fault> {
    seen.reserve(ids.len());
    match ids.iter().find(|id| !seen.insert((*id).clone())) {
        Some(id) => Err(Fault::invalid(format!(
            "id {id} occurs twice in the request"
        ))),
        None => Ok(()),
    }
}

/// Bytes of an id as they are counted to a client.
pub(crate) fn id_bytes(id: &Id) -> u64 {
    match id {
        Id::U64(_) => 8,
        Id::Uuid(_) => 16,
        Id::Str(text) => text.len() as u64,
    }
}

/// Bytes of the ids and columns, as they lie in memory.
pub(super) fn logical_bytes(rows: &Rows) -> u64 {
    let ids: u64 = rows.ids().iter().map(|id| id_bytes(&id)).sum();
    let columns = rows.columns().iter().map(|column| {
        let size = column.array.to_data().get_slice_memory_size();
        size.unwrap_or(0) as u64
    });
    ids + columns.sum::<u64>()
}

//! `INSERT`, with and without `ON CONFLICT`.

use super::{
    Change, MAX_BYTES, TableExistence, TableWrite, WriteGuard, column_name, columns, table_name,
};
use crate::{SqlError, planner::Planner};
use arrow_array::ArrayRef;
use arrow_select::concat::concat_batches;
use datafusion::sql::sqlparser::ast::{
    self, AssignmentTarget, ConflictTarget, Expr, Insert, OnConflict, OnConflictAction, OnInsert,
    TableObject,
};
use isobath_query::view::View;
use isobath_storage::model::{
    AttributeName, AttributeType, Column, Declaration, IdColumn, IdKind, Mutation, PatchMask, Rows,
};
use std::{collections::BTreeSet, sync::Arc};

/// What is done with rows whose ids are there already.
#[derive(Debug, Clone)]
enum OnPresent {
    /// Nothing is written at all.
    Refuse,
    /// They stay as they are.
    Skip,
    /// These of their columns are set to what was to be inserted.
    Set(BTreeSet<String>),
}

/// Reads the rows of the source, and makes a write of them.
pub(crate) async fn insert(planner: &mut Planner<'_>, insert: Insert) -> Result<Change, SqlError> {
    check_supported(&insert)?;
    let TableObject::TableName(name) = &insert.table else {
        return Err(SqlError::unsupported(
            "INSERT INTO something else than a table",
        ));
    };
    let name = table_name(name)?;
    let view = planner.target(&name).await?;
    let on_present = on_present(insert.on.as_ref())?;
    let Some(source) = insert.source else {
        return Err(SqlError::unsupported("INSERT … DEFAULT VALUES"));
    };
    let named = insert.columns.iter().map(|name| match name.0.as_slice() {
        [part] => part.as_ident().map(column_name).ok_or(name),
        _ => Err(name),
    });
    let named: Vec<String> = named
        .collect::<Result<_, _>>()
        .map_err(|name| SqlError::invalid(format!("{name} is no column")))?;
    let given = planner.plan(ast::Statement::Query(source)).await?;
    let schema = given.schema();
    let batches = given.collect(planner.engine, MAX_BYTES).await?;
    let batch = concat_batches(&schema, &batches);
    let batch = batch.map_err(|error| SqlError::invalid(error.to_string()))?;
    let targets = targets(&view, &named, batch.num_columns())?;
    if batch.num_rows() == 0 {
        return Ok(Change {
            name: "INSERT",
            write: None,
            counts: true,
        });
    }
    let rows = rows(&targets, batch.columns())?;
    let write = write(&view, rows, &on_present)?;
    Ok(Change {
        name: "INSERT",
        write: Some(write),
        counts: true,
    })
}

fn check_supported(insert: &Insert) -> Result<(), SqlError> {
    let refused = [
        (insert.returning.is_some(), "RETURNING"),
        (
            insert.overwrite || insert.replace_into || insert.or.is_some(),
            "INSERT OVERWRITE and REPLACE",
        ),
        (
            insert.partitioned.is_some() || !insert.after_columns.is_empty(),
            "PARTITION",
        ),
        (
            insert.ignore || !insert.assignments.is_empty(),
            "MySQL's INSERT",
        ),
        (
            insert.table_alias.is_some() || insert.insert_alias.is_some(),
            "an alias of the table of INSERT",
        ),
        (
            insert.settings.is_some() || insert.format_clause.is_some(),
            "SETTINGS and FORMAT",
        ),
        (insert.output.is_some(), "OUTPUT"),
    ];
    match refused.iter().find(|(is, _)| *is) {
        Some((_, feature)) => Err(SqlError::unsupported(feature)),
        None => Ok(()),
    }
}

fn on_present(on: Option<&OnInsert>) -> Result<OnPresent, SqlError> {
    let Some(on) = on else {
        return Ok(OnPresent::Refuse);
    };
    let OnInsert::OnConflict(OnConflict {
        conflict_target,
        action,
    }) = on
    else {
        return Err(SqlError::unsupported("ON DUPLICATE KEY"));
    };
    let is_id = match conflict_target {
        None => matches!(action, OnConflictAction::DoNothing),
        Some(ConflictTarget::Columns(columns)) => {
            matches!(columns.as_slice(), [column] if column_name(column) == "id")
        }
        Some(ConflictTarget::OnConstraint(_)) => false,
    };
    if !is_id {
        let said = "there is no unique constraint matching the ON CONFLICT specification: only id is unique";
        return Err(SqlError::invalid(said).with_code("42P10"));
    }
    let update = match action {
        OnConflictAction::DoNothing => return Ok(OnPresent::Skip),
        OnConflictAction::DoUpdate(update) => update,
    };
    if update.selection.is_some() {
        return Err(SqlError::unsupported("ON CONFLICT DO UPDATE … WHERE"));
    }
    let mut set = BTreeSet::new();
    for assignment in &update.assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(SqlError::unsupported(
                "ON CONFLICT DO UPDATE SET of several columns at once",
            ));
        };
        let column = name
            .0
            .last()
            .and_then(|part| part.as_ident())
            .map(column_name);
        let value = match &assignment.value {
            Expr::CompoundIdentifier(parts) => match parts.as_slice() {
                [table, column] if column_name(table) == "excluded" => Some(column_name(column)),
                _ => None,
            },
            _ => None,
        };
        match (column, value) {
            (Some(column), Some(value)) if column == value => {
                set.insert(column);
            }
            _ => {
                let feature = "ON CONFLICT DO UPDATE SET other than column = EXCLUDED.column";
                return Err(SqlError::unsupported(feature));
            }
        }
    }
    Ok(OnPresent::Set(set))
}

/// The columns of the table that the source's columns are for, in their order.
type Target = (AttributeName, AttributeType);

fn targets(view: &View, named: &[String], width: usize) -> Result<Vec<Target>, SqlError> {
    let schema = &view.schema;
    let kind = schema.id_kind.unwrap_or(IdKind::Uint);
    let all = || {
        let id = (AttributeName::id(), kind.attribute_type());
        let others = schema.attributes.iter();
        std::iter::once(id).chain(others.map(|(name, config)| (name.clone(), config.ty)))
    };
    if named.is_empty() && schema.attributes.len() > 1 {
        // by position, values would silently go to other columns than the client thinks
        let said = "INSERT has to name its columns: a table does not keep the order that they were declared in";
        return Err(SqlError::invalid(said).with_code("42601"));
    }
    let targets: Vec<Target> = if named.is_empty() {
        all().take(width).collect()
    } else {
        let find = |name: &String| {
            let missing = || {
                let table = &view.namespace;
                let said = format!(
                    "column {name:?} of relation {:?} does not exist",
                    table.as_str()
                );
                SqlError::invalid(said).with_code("42703")
            };
            all()
                .find(|(known, _)| known.as_str() == name)
                .ok_or_else(missing)
        };
        named.iter().map(find).collect::<Result<_, _>>()?
    };
    if targets.len() != width {
        let said = format!(
            "INSERT has {width} expressions for {} columns",
            targets.len()
        );
        return Err(SqlError::invalid(said).with_code("42601"));
    }
    let mut seen = BTreeSet::new();
    match targets.iter().find(|(name, _)| !seen.insert(name)) {
        Some((name, _)) => {
            let said = format!("column {:?} is named twice", name.as_str());
            Err(SqlError::invalid(said).with_code("42701"))
        }
        None => Ok(targets),
    }
}

fn rows(targets: &[Target], arrays: &[ArrayRef]) -> Result<Rows, SqlError> {
    let (mut ids, mut others) = (None, vec![]);
    for ((name, ty), array) in targets.iter().zip(arrays) {
        if name.is_id() {
            let kind = IdKind::from_attribute_type(*ty).unwrap_or(IdKind::Uint);
            ids = Some(columns::ids(kind, array)?);
        } else {
            others.push(columns::column(name, *ty, array)?);
        }
    }
    let ids = ids.ok_or_else(|| {
        let said = "null value in column \"id\" violates not-null constraint";
        SqlError::invalid(said).with_code("23502")
    })?;
    Rows::new(ids, others).map_err(|error| SqlError::invalid(error.to_string()))
}

fn write(view: &Arc<View>, rows: Rows, on_present: &OnPresent) -> Result<TableWrite, SqlError> {
    let mut write = TableWrite {
        namespace: view.namespace.clone(),
        existence: TableExistence::Must,
        declarations: declarations(view, rows.ids().kind(), rows.columns()),
        mutations: vec![],
        guard: WriteGuard {
            absent: true,
            ..WriteGuard::default()
        },
    };
    let set = match on_present {
        OnPresent::Refuse => {
            write.mutations.push(Mutation::Upsert(rows));
            return Ok(write);
        }
        OnPresent::Skip => {
            write.guard.absent = false;
            write.guard.skip_present = true;
            write.mutations.push(Mutation::Upsert(rows));
            return Ok(write);
        }
        OnPresent::Set(set) => set,
    };
    let unknown = set.iter().find(|name| rows.column(name).is_none());
    if let Some(name) = unknown {
        let said = format!("ON CONFLICT DO UPDATE: column {name:?} is not among those inserted");
        return Err(SqlError::invalid(said).with_code("42703"));
    }
    let (present, absent) = split(view, rows.ids(), &mut write.guard);
    let taken = |picked: &[u32]| {
        rows.take(picked)
            .map_err(|error| SqlError::invalid(error.to_string()))
    };
    if !absent.is_empty() {
        write.mutations.push(Mutation::Upsert(taken(&absent)?));
    }
    if !present.is_empty() {
        let patched = taken(&present)?;
        let columns: Vec<Column> = patched
            .columns()
            .iter()
            .filter(|c| set.contains(c.name.as_str()))
            .cloned()
            .collect();
        let patched = Rows::new(patched.ids().clone(), columns);
        let patched = patched.map_err(|error| SqlError::invalid(error.to_string()))?;
        write
            .mutations
            .push(Mutation::Patch(PatchMask::all(), patched));
    }
    Ok(write)
}

/// The rows whose ids are in the view and those whose are not; the former must stay as they are.
fn split(view: &Arc<View>, ids: &IdColumn, guard: &mut WriteGuard) -> (Vec<u32>, Vec<u32>) {
    let (mut present, mut absent) = (vec![], vec![]);
    let places = super::change::places_of(view, ids);
    let mut selected: Vec<Vec<u32>> = vec![vec![]; view.sets.len()];
    for (row, place) in (0..).zip(places) {
        match place {
            None => absent.push(row),
            Some((set, place)) => {
                present.push(row);
                if let Some(rows) = selected.get_mut(set as usize) {
                    rows.push(place);
                }
            }
        }
    }
    for rows in &mut selected {
        rows.sort_unstable();
    }
    guard.unchanged.push(isobath_query::search::Selection::of(
        Arc::clone(view),
        selected,
    ));
    (present, absent)
}

/// What the columns of a write are, in the eyes of the writer.
pub(super) fn declarations(view: &View, kind: IdKind, columns: &[Column]) -> Vec<Declaration> {
    let id = Declaration {
        attribute: AttributeName::id(),
        ty: kind.attribute_type(),
        metric: None,
    };
    let others = columns.iter().map(|column| {
        let config = view.schema.get(column.name.as_str());
        Declaration {
            attribute: column.name.clone(),
            ty: column.ty,
            metric: config.and_then(|config| config.metric),
        }
    });
    std::iter::once(id).chain(others).collect()
}

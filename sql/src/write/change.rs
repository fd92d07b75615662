//! `UPDATE` and `DELETE`: the rows are found by a query, and must still be as they were found when they are
//! changed.

use super::{
    Change, MAX_BYTES, TableExistence, TableWrite, WriteGuard, column_name, columns,
    insert::declarations, table_name,
};
use crate::{
    Parameter, SqlError, parameter,
    plan::ROW_COLUMN,
    planner::Planner,
    statement::{parse_query, quoted},
};
use arrow_array::{ArrayRef, RecordBatch, UInt32Array, cast::AsArray, types::UInt64Type};
use arrow_select::{concat::concat_batches, take::take_record_batch};
use datafusion::sql::sqlparser::ast::{
    self, AssignmentTarget, BinaryOperator, Delete, Expr, FromTable, FunctionArguments, SelectItem,
    SetExpr, TableFactor, TableWithJoins, Update, visit_expressions,
};
use isobath_query::{search::Selection, view::View};
use isobath_storage::model::{AttributeName, Column, Id, IdColumn, Mutation, PatchMask, Rows};
use std::{ops::ControlFlow, sync::Arc};

/// `DELETE`.
pub(crate) async fn delete(planner: &mut Planner<'_>, delete: Delete) -> Result<Change, SqlError> {
    refuse(&[
        (delete.returning.is_some(), "RETURNING"),
        (
            delete.using.is_some() || !delete.tables.is_empty(),
            "DELETE … USING",
        ),
        (
            !delete.order_by.is_empty() || delete.limit.is_some(),
            "LIMIT and ORDER BY of DELETE",
        ),
        (delete.output.is_some(), "OUTPUT"),
    ])?;
    let (FromTable::WithFromKeyword(tables) | FromTable::WithoutKeyword(tables)) = delete.from;
    let [table] = tables.as_slice() else {
        return Err(SqlError::unsupported("DELETE from several tables"));
    };
    let found = find(planner, table, &[], delete.selection).await?;
    let write = found.map(|found| {
        let mutations = vec![Mutation::Delete(found.ids.clone())];
        found.write(vec![], mutations)
    });
    Ok(Change {
        name: "DELETE",
        write,
        counts: true,
    })
}

/// `UPDATE`.
pub(crate) async fn update(planner: &mut Planner<'_>, update: Update) -> Result<Change, SqlError> {
    refuse(&[
        (update.returning.is_some(), "RETURNING"),
        (update.from.is_some(), "UPDATE … FROM"),
        (
            update.or.is_some() || update.output.is_some(),
            "UPDATE OR and OUTPUT",
        ),
        (
            !update.order_by.is_empty() || update.limit.is_some(),
            "LIMIT and ORDER BY of UPDATE",
        ),
    ])?;
    let mut set = vec![];
    for assignment in update.assignments {
        let AssignmentTarget::ColumnName(name) = &assignment.target else {
            return Err(SqlError::unsupported(
                "UPDATE … SET of several columns at once",
            ));
        };
        let column = match name.0.as_slice() {
            [part] => part.as_ident().map(column_name),
            _ => None,
        };
        let column = column.ok_or_else(|| SqlError::invalid(format!("{name} is no column")))?;
        if column == "id" {
            return Err(SqlError::unsupported("changing an id"));
        }
        if set.iter().any(|(known, _)| *known == column) {
            let said = format!("multiple assignments to same column {column:?}");
            return Err(SqlError::invalid(said).with_code("42601"));
        }
        set.push((column, assignment.value));
    }
    let found = find(planner, &update.table, &set, update.selection).await?;
    let write = match found {
        None => None,
        Some(found) => {
            let patch = Rows::new(found.ids.clone(), found.columns.clone());
            let patch = patch.map_err(|error| SqlError::invalid(error.to_string()))?;
            let kind = found.ids.kind();
            let declarations = declarations(&found.view, kind, &found.columns);
            let mutations = vec![Mutation::Patch(PatchMask::all(), patch)];
            Some(found.write(declarations, mutations))
        }
    };
    Ok(Change {
        name: "UPDATE",
        write,
        counts: true,
    })
}

fn refuse(features: &[(bool, &str)]) -> Result<(), SqlError> {
    match features.iter().find(|(is, _)| *is) {
        Some((_, feature)) => Err(SqlError::unsupported(feature)),
        None => Ok(()),
    }
}

/// Rows that were found, in the order of their places, with what they are to be set to.
struct Found {
    view: Arc<View>,
    selection: Selection,
    ids: IdColumn,
    columns: Vec<Column>,
}

impl Found {
    fn write(
        &self,
        declarations: Vec<isobath_storage::model::Declaration>,
        mutations: Vec<Mutation>,
    ) -> TableWrite {
        TableWrite {
            namespace: self.view.namespace.clone(),
            existence: TableExistence::Must,
            declarations,
            mutations,
            guard: WriteGuard {
                unchanged: vec![self.selection.clone()],
                ..WriteGuard::default()
            },
        }
    }
}

/// Finds the rows of a table that meet a condition; `None` where there are none.
async fn find(
    planner: &mut Planner<'_>,
    table: &TableWithJoins,
    set: &[(String, Expr)],
    selection: Option<Expr>,
) -> Result<Option<Found>, SqlError> {
    let TableFactor::Table {
        name,
        args: None,
        alias,
        sample: None,
        ..
    } = &table.relation
    else {
        return Err(SqlError::unsupported(
            "a write to something else than a table",
        ));
    };
    if !table.joins.is_empty() {
        return Err(SqlError::unsupported("a join in UPDATE or DELETE"));
    }
    check_expressions(set.iter().map(|(_, value)| value).chain(&selection))?;
    let name = table_name(name)?;
    check_unwritten(planner, &name, selection.as_ref())?;
    let view = planner.target(&name).await?;
    let shown = alias
        .as_ref()
        .map_or_else(|| quoted(&name), |alias| alias.name.to_string());
    let mut query = parse_query(&format!(
        "SELECT {ROW_COLUMN_QUOTED}, \"id\" FROM {} AS {shown}",
        quoted(&name)
    ))?;
    let SetExpr::Select(select) = query.body.as_mut() else {
        return Err(SqlError::invalid("no query"));
    };
    for (_, value) in set {
        select
            .projection
            .push(SelectItem::UnnamedExpr(value.clone()));
    }
    // expressions of the same text would have the same name
    for (at, item) in select.projection.iter_mut().enumerate().skip(2) {
        if let SelectItem::UnnamedExpr(expr) = item {
            let alias = ast::Ident::with_quote('"', format!("${at}"));
            *item = SelectItem::ExprWithAlias {
                expr: expr.clone(),
                alias,
            };
        }
    }
    select.selection = selection;
    let query = ast::Statement::Query(Box::new(query));
    let rows = planner.plan_change(query, &view).await?;
    let schema = rows.schema();
    let batches = rows.collect(planner.engine, MAX_BYTES).await?;
    let batch = concat_batches(&schema, &batches);
    let batch = batch.map_err(|error| SqlError::invalid(error.to_string()))?;
    if batch.num_rows() == 0 {
        // what cannot be written is refused, whether there are rows or not
        types_of(&view, set)?;
        return Ok(None);
    }
    found(view, &batch, set).map(Some)
}

/// Refuses a condition over rows that the transaction has written and that cannot be seen yet: all but one that
/// names ids of other rows.
fn check_unwritten(
    planner: &Planner<'_>,
    table: &str,
    selection: Option<&Expr>,
) -> Result<(), SqlError> {
    let Some(transaction) = planner.transaction else {
        return Ok(());
    };
    if transaction
        .written()
        .is_none_or(|written| written.as_str() != table)
    {
        return Ok(());
    }
    let ids = selection.and_then(named_ids);
    if ids.is_some_and(|ids| !ids.iter().any(|id| transaction.has_id(id))) {
        return Ok(());
    }
    let feature = format!(
        "changing rows of table {table} after writing to it in the same transaction, unless by the ids of other rows"
    );
    Err(SqlError::unsupported(feature))
}

/// The id that a literal is; drivers put casts around them.
fn literal_id(expr: &Expr) -> Option<String> {
    match expr {
        Expr::Cast { expr: inner, .. } | Expr::Nested(inner) => literal_id(inner),
        literal => match parameter::of_literal(literal) {
            Ok(Parameter::Text(id)) => Some(id),
            Ok(Parameter::Number(id)) => Some(id).filter(|id| id.parse::<u64>().is_ok()),
            _ => None,
        },
    }
}

/// The ids that a row must have one of to meet a condition, where it names them.
fn named_ids(condition: &Expr) -> Option<Vec<String>> {
    let is_id = |expr: &Expr| match expr {
        Expr::Identifier(ident) => column_name(ident) == "id",
        Expr::CompoundIdentifier(parts) => {
            parts.last().is_some_and(|ident| column_name(ident) == "id")
        }
        _ => false,
    };
    match condition {
        Expr::Nested(inner) => named_ids(inner),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::And,
            right,
        } => named_ids(left).or_else(|| named_ids(right)),
        Expr::BinaryOp {
            left,
            op: BinaryOperator::Eq,
            right,
        } if is_id(left) => Some(vec![literal_id(right)?]),
        Expr::InList {
            expr,
            list,
            negated: false,
        } if is_id(expr) => list.iter().map(literal_id).collect(),
        _ => None,
    }
}

/// [`ROW_COLUMN`] as SQL writes it.
const ROW_COLUMN_QUOTED: &str = "\"$row\"";

fn types_of(view: &View, set: &[(String, Expr)]) -> Result<Vec<AttributeName>, SqlError> {
    let find = |(name, _): &(String, Expr)| {
        let missing = || {
            let table = view.namespace.as_str();
            let said = format!("column {name:?} of relation {table:?} does not exist");
            SqlError::invalid(said).with_code("42703")
        };
        let known = view.schema.attributes.get_key_value(name.as_str());
        known.map(|(name, _)| name.clone()).ok_or_else(missing)
    };
    set.iter().map(find).collect()
}

fn found(view: Arc<View>, batch: &RecordBatch, set: &[(String, Expr)]) -> Result<Found, SqlError> {
    debug_assert_eq!(ROW_COLUMN_QUOTED.trim_matches('"'), ROW_COLUMN);
    let names = types_of(&view, set)?;
    let places = batch
        .column(0)
        .as_primitive::<UInt64Type>()
        .values()
        .to_vec();
    let mut order: Vec<usize> = (0..places.len()).collect();
    order.sort_unstable_by_key(|at| places.get(*at).copied());
    let picks = order
        .iter()
        .map(|at| u32::try_from(*at).unwrap_or(u32::MAX));
    let sorted = take_record_batch(batch, &picks.collect::<UInt32Array>());
    let sorted = sorted.map_err(|error| SqlError::invalid(error.to_string()))?;
    let mut rows: Vec<Vec<u32>> = vec![vec![]; view.sets.len()];
    for at in order {
        let place = places.get(at).copied().unwrap_or(0);
        let (set, row) = ((place >> 32) as usize, place & u64::from(u32::MAX));
        if let (Some(rows), Ok(row)) = (rows.get_mut(set), u32::try_from(row)) {
            rows.push(row);
        }
    }
    let selection = Selection::of(Arc::clone(&view), rows);
    let mut columns_set = vec![];
    for (at, name) in names.iter().enumerate() {
        let array: &ArrayRef = sorted.column(at + 2);
        let Some(config) = view.schema.get(name.as_str()) else {
            continue;
        };
        columns_set.push(columns::column(name, config.ty, array)?);
    }
    Ok(Found {
        ids: selection.ids(),
        selection,
        columns: columns_set,
        view,
    })
}

/// Refuses what would be evaluated at another moment than the rows are found.
fn check_expressions<'a>(expressions: impl Iterator<Item = &'a Expr>) -> Result<(), SqlError> {
    for expression in expressions {
        let found = visit_expressions(expression, |expr: &Expr| {
            let feature = match expr {
                Expr::Subquery(_) | Expr::InSubquery { .. } | Expr::Exists { .. } => {
                    "a subquery in UPDATE or DELETE (select the ids first)"
                }
                Expr::Function(call) if is_volatile(call) => {
                    "a volatile function in UPDATE or DELETE"
                }
                _ => return ControlFlow::Continue(()),
            };
            ControlFlow::Break(feature)
        });
        if let ControlFlow::Break(feature) = found {
            return Err(SqlError::unsupported(feature));
        }
    }
    Ok(())
}

/// Functions that give another value each time; they take no arguments.
fn is_volatile(call: &ast::Function) -> bool {
    let name = call.name.to_string().to_ascii_lowercase();
    let none = matches!(&call.args, FunctionArguments::List(list) if list.args.is_empty());
    none && matches!(
        name.as_str(),
        "random" | "uuid" | "gen_random_uuid" | "clock_timestamp"
    )
}

/// Where the rows of `ids` are in a view; `None` for those that are not there.
pub(super) fn places_of(view: &View, ids: &IdColumn) -> Vec<Option<(u32, u32)>> {
    let wanted: std::collections::HashMap<Id, usize> =
        ids.iter().enumerate().map(|(at, id)| (id, at)).collect();
    let mut places = vec![None; ids.len()];
    for (number, set) in (0u32..).zip(view.sets.iter()) {
        let known = set.rows.ids();
        if set.is_part() {
            for (id, at) in &wanted {
                let row = known.binary_search(id);
                let row = row.filter(|row| set.is_visible(*row, view.version));
                if let (Some(row), Some(place)) = (
                    row.and_then(|row| u32::try_from(row).ok()),
                    places.get_mut(*at),
                ) {
                    *place = Some((number, row));
                }
            }
            continue;
        }
        for (row, id) in known.iter().enumerate() {
            let Some(at) = wanted
                .get(&id)
                .filter(|_| set.is_visible(row, view.version))
            else {
                continue;
            };
            if let (Ok(row), Some(place)) = (u32::try_from(row), places.get_mut(*at)) {
                *place = Some((number, row));
            }
        }
    }
    places
}

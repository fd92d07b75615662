//! The laws of merging, tested on random logs of three regions against the definition itself.

mod definition;
pub(super) mod history;

use super::{Base, NamespaceState, Residue, StateRows};
use crate::format::Part;
use crate::model::{Hlc, Id, Value, VersionVector};
use history::{Item, any_history, any_order};
use proptest::prelude::*;
use std::collections::BTreeMap;

fn fold<'a>(items: impl IntoIterator<Item = &'a Item>) -> NamespaceState {
    let mut state = NamespaceState::default();
    apply(&mut state, items);
    state
}

fn apply<'a>(state: &mut NamespaceState, items: impl IntoIterator<Item = &'a Item>) {
    for (header, block) in items {
        state.apply(header, block).unwrap();
    }
}

fn merged(mut a: NamespaceState, b: NamespaceState) -> NamespaceState {
    a.merge(b);
    a
}

/// All that is known, as text: equal iff two states know the same.
fn known(state: &NamespaceState) -> String {
    let schema = state.schema_state();
    let rows = state.ids().into_iter().map(|id| {
        let row = state.get(id).unwrap();
        let base = match row.base() {
            Base::Unknown => "unknown".to_owned(),
            Base::Dead { stamp } => format!("dead {stamp}"),
            Base::Live { stamp, row: at } => {
                let values = at.rows.columns().iter().filter_map(|column| {
                    let name = column.name.as_str();
                    let cell = row.cells().get(name).cloned().unwrap_or_default();
                    // What a newer patch replaces, or a drop hides, is of no account.
                    if cell.full.is_some() || schema.is_dropped(name, *stamp) {
                        return None;
                    }
                    let value = match column.value(at.row as usize) {
                        Value::Vector(v) => {
                            Value::Vector(v.with_dims(cell.dims.keys().map(|dim| (*dim, 0.0))))
                        }
                        value => value,
                    };
                    (!value.is_null()).then_some((column.name.clone(), value))
                });
                format!("live {stamp} {:?}", values.collect::<BTreeMap<_, _>>())
            }
        };
        format!("{id:?}: {base} {:?}\n", row.cells())
    });
    format!("{schema:?}\n{}", rows.collect::<String>())
}

/// What a reader sees.
fn seen(state: &NamespaceState) -> BTreeMap<Id, BTreeMap<String, Value>> {
    let ids: Vec<Id> = state.ids().into_iter().cloned().collect();
    let values = |id: &Id| {
        let row = state.resolve(id).unwrap()?;
        let values = row.into_iter().filter(|(_, value)| !value.is_null());
        Some((
            id.clone(),
            values
                .map(|(name, value)| (name.to_string(), value))
                .collect(),
        ))
    };
    ids.iter().filter_map(values).collect()
}

/// The state after it was written to parts and read back, its schema as JSON.
fn through_parts(state: &NamespaceState) -> NamespaceState {
    let json = serde_json::to_string(state.schema_state()).unwrap();
    let parts = state.to_parts().unwrap().into_iter().map(|rows| {
        let part = Part {
            namespace: "n".parse().unwrap(),
            manifest: 1,
            seen: VersionVector::default(),
            stamps: crate::model::StampColumn::from_stamps(&rows.stamps).unwrap(),
            rows: rows.rows,
            residue: rows.residue,
        };
        let read = Part::open(part.encode().unwrap()).unwrap();
        StateRows {
            stamps: (0..read.stamps.len())
                .map(|row| read.stamps.get(row))
                .collect(),
            rows: read.rows,
            residue: read.residue,
        }
    });
    NamespaceState::from_parts(serde_json::from_str(&json).unwrap(), parts).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn should_mean_what_the_definition_says(
        (history, order) in any_history().prop_flat_map(any_order),
    ) {
        let state = fold(order.iter().map(|at| &history[*at]));
        prop_assert_eq!(seen(&state), definition::rows(&history));
        prop_assert_eq!(state.lost_values(), definition::lost(&history));
        let digest = fold(&history).digest().unwrap();
        prop_assert_eq!(state.digest().unwrap(), digest);
    }

    #[test]
    fn should_not_depend_on_order_and_repetition(
        (history, order) in any_history().prop_flat_map(any_order),
    ) {
        let shuffled = fold(order.iter().map(|at| &history[*at]));
        prop_assert_eq!(known(&shuffled), known(&fold(&history)));
    }

    #[test]
    fn should_merge_as_a_semilattice(history in any_history(), groups: [u16; 3]) {
        let group = |g: usize| {
            let items = history.iter().enumerate();
            fold(items.filter(|(at, _)| groups[g] >> (at % 16) & 1 == 1).map(|(_, item)| item))
        };
        let left = merged(merged(group(0), group(1)), group(2));
        let right = merged(group(0), merged(group(1), group(2)));
        prop_assert_eq!(known(&left), known(&right));
        prop_assert_eq!(known(&merged(group(0), group(1))), known(&merged(group(1), group(0))));
        prop_assert_eq!(known(&merged(group(0), group(0))), known(&group(0)));
        prop_assert_eq!(known(&merged(left, fold(&history))), known(&fold(&history)));
    }

    #[test]
    fn should_lose_nothing_in_parts(
        (history, order) in any_history().prop_flat_map(any_order),
        cut: prop::sample::Index,
    ) {
        let (before, after) = order.split_at(cut.index(order.len() + 1));
        let mut state = through_parts(&fold(before.iter().map(|at| &history[*at])));
        prop_assert_eq!(known(&state), known(&fold(before.iter().map(|at| &history[*at]))));
        apply(&mut state, after.iter().map(|at| &history[*at]));
        prop_assert_eq!(known(&state), known(&fold(&history)));
    }

    #[test]
    fn should_forget_nothing_that_counts_when_it_settles(
        (history, order) in any_history().prop_flat_map(any_order),
        stable in 0u64..40,
        early in 0u64..40,
    ) {
        let stable = Hlc(stable);
        // All up to `stable` has arrived, and some of what is newer; nothing arrives again.
        let arrived = |item: &Item| {
            item.0.hlc_max <= stable || item.0.seq.0 % 3 == early % 3
        };
        let mut order = order;
        let mut seen_before = std::collections::BTreeSet::new();
        order.retain(|at| seen_before.insert(*at));
        let (first, rest): (Vec<_>, Vec<_>) =
            order.iter().map(|at| &history[*at]).partition(|item| arrived(item));
        let mut state = fold(first.iter().copied());
        let before = state.digest().unwrap();
        state.settle(stable).unwrap();
        prop_assert_eq!(state.digest().unwrap(), before);
        let mut state = through_parts(&state);
        apply(&mut state, rest);
        prop_assert_eq!(seen(&state), definition::rows(&history));
        prop_assert_eq!(state.schema(), fold(&history).schema());
    }

    #[test]
    fn should_keep_nothing_but_live_rows_when_all_is_stable(history in any_history()) {
        let mut state = fold(&history);
        let digest = state.digest().unwrap();
        state.settle(Hlc(u64::MAX)).unwrap();
        let parts = state.to_parts().unwrap();
        prop_assert!(parts.len() <= 1);
        prop_assert!(parts.iter().all(|part| part.residue == BTreeMap::<u32, Residue>::new()));
        prop_assert_eq!(state.digest().unwrap(), digest);
        prop_assert!(state.lost_values().is_empty());
        prop_assert!(state.schema_state().attributes.values().all(|a| a.declared.len() <= 1));
    }

    #[test]
    fn should_be_one_state_at_one_version_vector(
        (history, order) in any_history().prop_flat_map(any_order),
        time in 0u64..40,
    ) {
        // A restore to a time takes of each log what is not newer: the same as a reader there.
        let cut: Vec<Item> =
            history.iter().filter(|item| item.0.hlc_max <= Hlc(time)).cloned().collect();
        let restored = fold(order.iter().map(|at| &history[*at]).filter(|i| i.0.hlc_max <= Hlc(time)));
        prop_assert_eq!(restored.digest().unwrap(), fold(&cut).digest().unwrap());
        prop_assert_eq!(seen(&restored), definition::rows(&cut));
    }
}

#[test]
fn should_tell_states_apart_by_digest() {
    let empty = NamespaceState::default();
    let one = history::upserts(&[1]);
    let two = history::upserts(&[1, 2]);
    let digests =
        [empty.digest(), fold(&[one]).digest(), fold(&[two]).digest()].map(Result::unwrap);
    assert!(digests[0] != digests[1] && digests[1] != digests[2] && digests[0] != digests[2]);
}

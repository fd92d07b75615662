//! [`IndexSlots`]: where an index hangs what makes a row set faster to search.

use arc_swap::ArcSwap;
use isobath_storage::model::AttributeName;
use std::{
    any::{Any, TypeId},
    collections::BTreeMap,
    sync::Arc,
};

/// What makes a row set faster to search, by attribute and type; comes when it is ready, and may be replaced.
///
/// A view knows no index, so a slot holds a value of any type, and only who put it there can take it out.
/// Clones share their slots.
#[derive(Debug, Clone, Default)]
pub struct IndexSlots(Arc<ArcSwap<Slots>>);

type Slots = BTreeMap<(AttributeName, TypeId), Arc<dyn Any + Send + Sync>>;

impl IndexSlots {
    /// The `T` that hangs at `attribute`.
    pub fn get<T: Any + Send + Sync>(&self, attribute: &AttributeName) -> Option<Arc<T>> {
        find(&self.0.load(), attribute)
    }

    /// The `T` that hangs at `attribute`; a default one from now on where there is none.
    pub fn get_or_default<T: Any + Send + Sync + Default>(
        &self,
        attribute: &AttributeName,
    ) -> Arc<T> {
        if let Some(found) = self.get(attribute) {
            return found;
        }
        let mut hung = Arc::new(T::default());
        self.0.rcu(|slots| {
            let mut slots = Slots::clone(slots);
            if let Some(faster) = find(&slots, attribute) {
                hung = faster;
            } else {
                let key = (attribute.clone(), TypeId::of::<T>());
                slots.insert(key, Arc::clone(&hung) as _);
            }
            slots
        });
        hung
    }

    /// Hangs `value` at `attribute`, in place of the `T` that was there.
    pub fn set<T: Any + Send + Sync>(&self, attribute: &AttributeName, value: &Arc<T>) {
        self.0.rcu(|slots| {
            let mut slots = Slots::clone(slots);
            let key = (attribute.clone(), TypeId::of::<T>());
            slots.insert(key, Arc::clone(value) as _);
            slots
        });
    }
}

fn find<T: Any + Send + Sync>(slots: &Slots, attribute: &AttributeName) -> Option<Arc<T>> {
    let key = (attribute.clone(), TypeId::of::<T>());
    Arc::clone(slots.get(&key)?).downcast().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_give_back_what_was_set_last() {
        let (slots, v): (_, AttributeName) = (IndexSlots::default(), "v".parse().unwrap());
        assert!(slots.get::<u32>(&v).is_none());
        let shared = slots.clone();
        slots.set(&v, &Arc::new(1u32));
        slots.set(&v, &Arc::new(2u32));
        assert_eq!(shared.get::<u32>(&v).as_deref(), Some(&2));
        assert!(shared.get::<u64>(&v).is_none());
    }

    #[test]
    fn should_hang_one_value_of_a_type() {
        let (slots, v): (_, AttributeName) = (IndexSlots::default(), "v".parse().unwrap());
        slots.set(&v, &Arc::new(1u32));
        let first = slots.get_or_default::<String>(&v);
        assert!(Arc::ptr_eq(&first, &slots.get_or_default(&v)));
        assert_eq!(slots.get::<u32>(&v).as_deref(), Some(&1));
    }
}

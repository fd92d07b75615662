//! [`IndexSlots`]: where an index hangs what makes a row set faster to search.

use arc_swap::ArcSwap;
use isobath_storage::model::AttributeName;
use std::{any::Any, collections::BTreeMap, sync::Arc};

/// What makes a row set faster to search, by attribute; comes when it is ready, and may be replaced.
///
/// A view knows no index, so a slot holds a value of any type, and only who put it there can take it out.
/// Clones share their slots.
#[derive(Debug, Clone, Default)]
pub struct IndexSlots(Arc<ArcSwap<Slots>>);

type Slots = BTreeMap<AttributeName, Arc<dyn Any + Send + Sync>>;

impl IndexSlots {
    /// What hangs at `attribute`, if it is a `T`.
    pub fn get<T: Any + Send + Sync>(&self, attribute: &AttributeName) -> Option<Arc<T>> {
        let slots = self.0.load();
        Arc::clone(slots.get(attribute)?).downcast().ok()
    }

    /// Hangs `value` at `attribute`, in place of what was there.
    pub fn set<T: Any + Send + Sync>(&self, attribute: &AttributeName, value: &Arc<T>) {
        self.0.rcu(|slots| {
            let mut slots = Slots::clone(slots);
            slots.insert(attribute.clone(), Arc::clone(value) as _);
            slots
        });
    }
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
}

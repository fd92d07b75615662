//! Stores in the memory of this process, found again by their name.

use object_store::{ObjectStore, memory::InMemory};
use parking_lot::Mutex;
use std::{
    collections::BTreeMap,
    sync::{Arc, LazyLock},
};

static STORES: LazyLock<Mutex<BTreeMap<String, Arc<InMemory>>>> = LazyLock::new(Mutex::default);

/// The store called `name`; made empty when it is first asked for.
pub(super) fn open(name: String) -> Arc<dyn ObjectStore> {
    let mut stores = STORES.lock();
    let store = stores
        .entry(name)
        .or_insert_with(|| Arc::new(InMemory::new()));
    Arc::<InMemory>::clone(store)
}

//! Retries over a store that fails: whatever create of the data client is answered has taken effect,
//! with its own bytes; the others have an unknown outcome.

use crate::{Subject, clock, suite, suite::Size};
use futures::TryStreamExt;
use isobath_storage::error::ErrorKind;
use isobath_storage::store::{FaultPlan, FaultRates, Faults, kind_of};
use object_store::{ObjectStoreExt, PutMode, path::Path};
use std::{sync::Arc, time::Duration};

const OBJECTS: usize = 24;

pub(crate) async fn run(subject: &Subject, size: Size) {
    let plan = FaultPlan {
        // A late put of the data client may land after its retry: then it must meet its own bytes.
        late_max: Duration::from_millis(300),
        slow_max: Duration::from_millis(20),
        delete: FaultRates::default(),
        ..FaultPlan::stormy(size.rounds as u64)
    };
    let faults = Faults::new(plan, clock());
    let store = subject.open_with("faults", Some(&faults));
    let creates = (0..OBJECTS).map(|n| {
        let (data, body) = (Arc::clone(&store.data), format!("body {n}"));
        async move {
            data.put_opts(&key(n), body.into(), PutMode::Create.into())
                .await
        }
    });
    let puts = futures::future::join_all(creates).await;
    let unknown: Vec<_> = (0..OBJECTS).filter(|n| puts[*n].is_err()).collect();
    let kind = |n: &usize| puts[*n].as_ref().map_err(kind_of).unwrap_err();
    assert!(
        unknown.iter().all(|n| kind(n) == ErrorKind::Unavailable),
        "{puts:?}"
    );
    assert!(
        unknown.len() < OBJECTS / 2,
        "hardly anything came through: {puts:?}"
    );
    assert!(faults.struck() > 0);
    faults.heal();
    faults.settle().await;
    for n in unknown {
        let (key, body) = (key(n), format!("body {n}").into());
        let put = store
            .data
            .put_opts(&key, body, PutMode::Create.into())
            .await;
        let kind = put.map(drop).map_err(|error| kind_of(&error));
        assert!(
            matches!(kind, Ok(()) | Err(ErrorKind::Conflict)),
            "{n}: {kind:?}"
        );
    }
    let listed: Vec<_> = store.data.list(None).try_collect().await.unwrap();
    assert_eq!(listed.len(), OBJECTS);
    for n in 0..OBJECTS {
        let bytes = suite::read(&store, key(n).as_ref()).await.unwrap();
        assert_eq!(bytes, format!("body {n}"));
    }
    let again = store
        .data
        .put_opts(&key(0), "other".into(), PutMode::Create.into())
        .await;
    assert!(again.is_err());
    store.data.delete(&key(0)).await.unwrap();
}

fn key(n: usize) -> Path {
    Path::from(format!("k/{n:03}"))
}

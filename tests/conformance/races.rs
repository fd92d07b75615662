//! What many clients may rely on: of concurrent creates of one key exactly one wins, and nobody
//! ever reads other bytes than the winner's.

use crate::{Subject, suite, suite::Size};
use bytes::Bytes;
use isobath_storage::{error::ErrorKind, store::Store};
use std::sync::{
    Arc,
    atomic::{AtomicBool, Ordering},
};
use tokio::{sync::Barrier, task::JoinSet};

const WRITERS: u8 = 16;

pub(crate) async fn run(subject: &Subject, size: Size) {
    let clients: Vec<_> = (0..WRITERS).map(|_| subject.open("race")).collect();
    for round in 0..size.rounds {
        // Small bodies arrive at once, large ones overlap.
        let length = if round % 4 == 3 { 256 << 10 } else { 64 };
        race(&clients, &format!("round/{round}"), length).await;
    }
}

async fn race(clients: &[Store], key: &str, length: usize) {
    let start = Arc::new(Barrier::new(clients.len() + 1));
    let done = Arc::new(AtomicBool::new(false));
    let watcher = {
        let (store, key) = (clients[0].clone(), key.to_owned());
        tokio::spawn(watch(store, key, Arc::clone(&start), Arc::clone(&done)))
    };
    let mut writers = JoinSet::new();
    for (writer, store) in (0..WRITERS).zip(clients) {
        let (store, key, start) = (store.clone(), key.to_owned(), Arc::clone(&start));
        writers.spawn(async move {
            start.wait().await;
            (
                writer,
                suite::create(&store, &key, vec![writer; length]).await,
            )
        });
    }
    let mut winners = Vec::new();
    for (writer, outcome) in writers.join_all().await {
        match outcome {
            Ok(()) => winners.push(writer),
            Err(kind) => assert_eq!(kind, ErrorKind::Conflict, "{key}"),
        }
    }
    done.store(true, Ordering::Relaxed);
    assert_eq!(winners.len(), 1, "{key}: {winners:?} won");
    let stored = suite::read(&clients[1], key).await.unwrap();
    assert_eq!(stored, vec![winners[0]; length], "{key}");
    for seen in watcher.await.unwrap() {
        assert_eq!(seen, stored, "{key}: seen before");
    }
}

/// Everything that `key` held until `done`.
async fn watch(
    store: Store,
    key: String,
    start: Arc<Barrier>,
    done: Arc<AtomicBool>,
) -> Vec<Bytes> {
    let mut seen = Vec::new();
    start.wait().await;
    while !done.load(Ordering::Relaxed) {
        // A store in memory never makes its caller wait.
        tokio::task::yield_now().await;
        match suite::read(&store, &key).await {
            Ok(bytes) if seen.last() != Some(&bytes) => seen.push(bytes),
            Ok(_) => {}
            Err(kind) => assert_eq!(kind, ErrorKind::NotFound, "{key}"),
        }
    }
    seen
}

//! Three regions, simulated: the production log, views, fold, checkpoints and removal of garbage, over buckets that lose
//! replies, delay and repeat requests, and are cut off; with clocks that are minutes apart, processes that die at any
//! moment, and now and then a bucket that is destroyed.
//!
//! Everything happens on one thread, in simulated time, by a seed: the same seed gives the same world. Clients write and
//! read in sessions that go from region to region. In the end all is well again, and every region must show the same
//! and what was committed: the plain fold of the set of segments that count. With each mistake of [`Bug`] made on
//! purpose some seed fails.
//!
//! What is not the product's own code: the copying of logs between buckets ([`copier`]), sessions with tokens
//! ([`client`]), and that a write at two regions waits for a copy.
//!
//! `ISOBATH_SIM_SEEDS` says how many seeds are tried, `ISOBATH_SIM_SEED` from which one on.

#![expect(clippy::unwrap_used, reason = "a test may end at the first surprise")]

mod bugs;
mod checks;
mod client;
mod clock;
mod copier;
mod folding;
mod life;
mod opening;
mod sink;
mod truth;
mod world;

use bugs::Bug;
use client::client;
use std::{sync::Arc, time::Duration};
use world::World;

/// For so long things go wrong.
const STORM: Duration = Duration::from_secs(40);

const CLIENTS: u64 = 5;

/// One world: everything that happened in it.
async fn run(seed: u64, bug: Option<Bug>) -> Vec<String> {
    let scratch = tempfile::tempdir().unwrap();
    let world = World::new(seed, bug, scratch.path().to_owned());
    for region in 0..world::REGIONS.len() {
        world.launch(region).await;
    }
    let mut clients = vec![];
    for number in 0..CLIENTS {
        let session = client(Arc::clone(&world), number, STORM, false);
        clients.push(tokio::spawn(session));
    }
    let chaos = tokio::spawn(Arc::clone(&world).chaos());
    for client in clients {
        client.await.unwrap();
    }
    chaos.abort();
    drop(chaos.await);
    world.heal().await;
    checks::convergence(&world).await;
    checks::buckets(&world).await;
    checks::garbage(&world).await;
    checks::convergence(&world).await;
    let calm = client(Arc::clone(&world), 90, Duration::from_secs(4), true);
    calm.await;
    checks::convergence(&world).await;
    checks::buckets(&world).await;
    let trace = world.trace.lock();
    trace.clone()
}

fn simulate(seed: u64, bug: Option<Bug>) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(run(seed, bug))
}

fn number(name: &str, default: u64) -> u64 {
    let text = std::env::var(name).ok();
    text.and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn should_converge_in_every_world() {
    let first = number("ISOBATH_SIM_SEED", 0);
    for seed in first..first + number("ISOBATH_SIM_SEEDS", 200) {
        let world = std::panic::catch_unwind(|| simulate(seed, None));
        assert!(
            world.is_ok(),
            "seed {seed} fails: run with ISOBATH_SIM_SEED={seed} ISOBATH_SIM_SEEDS=1"
        );
    }
}

#[test]
fn should_repeat_a_world_by_its_seed() {
    assert_eq!(simulate(42, None), simulate(42, None));
    assert_ne!(simulate(42, None), simulate(43, None));
}

#[test]
fn should_find_each_mistake() {
    for bug in Bug::ALL {
        let found =
            (0..500).find(|seed| std::panic::catch_unwind(|| simulate(*seed, Some(bug))).is_err());
        assert!(found.is_some(), "nothing shows that {bug:?}");
    }
}

//! Whatever the schedule of folds, merges and checkpoints: what is read through runs, parts, deletion vectors and the
//! log is the fold of the log.

use crate::scene::{Scene, history};
use isobath_storage::model::{LogId, Namespace, ShardId};
use proptest::{collection::vec, prelude::*};

/// What happens after a segment was written.
#[derive(Debug, Clone, Copy)]
enum Then {
    Nothing,
    Fold { second: bool, all: bool },
    Checkpoint,
}

fn any_then() -> impl Strategy<Value = Then> {
    prop_oneof![
        3 => Just(Then::Nothing),
        3 => any::<(bool, bool)>().prop_map(|(second, all)| Then::Fold { second, all }),
        2 => Just(Then::Checkpoint),
    ]
}

fn names() -> [Namespace; 2] {
    ["n", "other"].map(|name| name.parse().unwrap())
}

async fn play(history: Vec<history::Item>, schedule: Vec<(bool, Then)>) -> Scene {
    play_among(&[], history, schedule).await
}

async fn play_among(
    members: &[&str],
    history: Vec<history::Item>,
    schedule: Vec<(bool, Then)>,
) -> Scene {
    let mut scene = Scene::new();
    let log = |region: &&str| LogId::new(region.parse().unwrap(), ShardId(0));
    scene.members = members.iter().map(log).collect();
    for ((header, mut block), (other, then)) in history.into_iter().zip(schedule) {
        let [first, second] = names();
        if other {
            block.namespace = second.clone();
        }
        scene.write(header, vec![block]).await;
        match then {
            Then::Nothing => {}
            Then::Fold { second: other, all } => {
                scene.fold(if other { &second } else { &first }, all).await;
            }
            Then::Checkpoint => scene.checkpoint().await,
        }
    }
    scene
}

/// Only one log's segments, whose times rise.
fn of_one_log(mut history: Vec<history::Item>) -> Vec<history::Item> {
    let log = history[0].0.log;
    for (at, (header, _)) in (1..).zip(&mut history) {
        header.log = log;
        header.hlc_max = isobath_storage::model::Hlc(at * 3);
        header.hlc_min = header.hlc_max;
    }
    history
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn should_read_the_fold_of_the_log_whatever_the_schedule(
        history in history::any_history(),
        others in vec(any::<bool>(), 12),
        schedule in vec(any_then(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let history = of_one_log(history);
            let never = vec![Then::Nothing; 12];
            let plain = others.iter().copied().zip(never).collect();
            let plain = play(history.clone(), plain).await;
            let busy = others.iter().copied().zip(schedule).collect();
            let busy = play(history, busy).await;
            let expected = plain.expected(|_| true);
            assert_eq!(plain.digest(None).await, expected, "of the log alone");
            assert_eq!(busy.digest(None).await, expected, "of checkpoint and log");
        });
    }

    #[test]
    fn should_read_the_fold_of_several_logs_whatever_the_schedule_and_the_order(
        history in history::any_history(),
        others in vec(any::<bool>(), 12),
        schedules in vec(vec(any_then(), 12), 2),
        picks in vec(any::<prop::sample::Index>(), 12),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let [one, two] = [0, 1].map(|at| schedules[at].clone());
            let both: Vec<_> = history.into_iter().zip(others).collect();
            let (items, others): (Vec<_>, Vec<_>) = both.iter().cloned().unzip();
            let first = play_among(&LOGS, items, others.into_iter().zip(one).collect()).await;
            let (items, others): (Vec<_>, Vec<_>) = interleaved(both, &picks).into_iter().unzip();
            let second = play_among(&LOGS, items, others.into_iter().zip(two).collect()).await;
            let expected = first.expected(|_| true);
            assert_eq!(second.expected(|_| true), expected, "another order");
            assert_eq!(first.digest(None).await, expected, "the first schedule");
            assert_eq!(second.digest(None).await, expected, "the second schedule");
        });
    }
}

/// The logs of the histories.
const LOGS: [&str; 3] = ["a", "b", "c"];

/// Another order in which the segments may arrive: each log's stay in theirs.
fn interleaved<T: Clone>(
    history: Vec<(history::Item, T)>,
    picks: &[prop::sample::Index],
) -> Vec<(history::Item, T)> {
    let mut left = history;
    let mut order = vec![];
    for pick in picks.iter().take(left.len()) {
        let log = left[pick.index(left.len())].0.0.log;
        let next = left.iter().position(|((header, _), _)| header.log == log);
        order.push(left.remove(next.unwrap()));
    }
    order
}

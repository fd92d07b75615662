//! [`Positions`]: up to where the views hold each log.

use isobath_storage::{
    format::Position,
    log::Start,
    model::{Hlc, LogId, Seq, VersionVector},
};
use std::collections::BTreeMap;
use tokio::sync::watch;

/// Up to where the views hold each log that the node follows.
#[derive(Debug, Clone, Default)]
pub(super) struct Positions {
    logs: BTreeMap<LogId, watch::Receiver<Start>>,
    /// Logs that were read before and are not followed any more.
    kept: BTreeMap<LogId, Start>,
    /// Where logs end that nobody writes any more.
    ends: VersionVector,
}

impl Positions {
    /// Of a log that is followed.
    pub(super) fn follow(&mut self, log: LogId, position: watch::Receiver<Start>) {
        self.logs.insert(log, position);
    }

    /// Of a log that was read before and is followed no more.
    pub(super) fn keep(&mut self, log: LogId, position: Start) {
        self.kept.insert(log, position);
    }

    /// Logs that nobody writes any more, with their ends.
    pub(super) fn end(&mut self, ends: &VersionVector) {
        self.ends.merge(ends);
    }

    /// The positions of all logs, each as of now.
    pub(super) fn now(&self) -> BTreeMap<LogId, Position> {
        let followed = self.logs.iter().map(|(log, at)| (*log, *at.borrow()));
        let kept = self.kept.iter().map(|(log, at)| (*log, *at));
        let all = followed.chain(kept);
        all.map(|(log, at)| (log, position(at))).collect()
    }

    /// What of each log the views hold.
    pub(super) fn applied(&self) -> VersionVector {
        let now = self.now();
        now.into_iter().map(|(log, at)| (log, at.seq)).collect()
    }

    /// Up to when the views hold everything that any region wrote, or will ever write: an older mutation cannot arrive
    /// any more. Each log's times rise, so that it is the lowest of the newest. Ask before looking at the views.
    pub(super) fn stable(&self) -> Hlc {
        let read = |log: &LogId, at: &Start| {
            let end = self.ends.get(*log);
            end > Seq::ZERO && at.seq >= end
        };
        let positions = self.logs.iter().map(|(log, at)| (log, *at.borrow()));
        let open = positions.filter(|(log, at)| !read(log, at));
        open.map(|(_, at)| at.hlc).min().unwrap_or_default()
    }
}

fn position(at: Start) -> Position {
    Position {
        seq: at.seq,
        max_epoch: at.max_epoch,
        chain: at.chain,
        hlc: at.hlc,
    }
}

/// Where reading goes on after a position.
pub(super) fn start_after(position: &Position) -> Start {
    Start {
        seq: position.seq,
        max_epoch: position.max_epoch,
        chain: position.chain,
        hlc: position.hlc,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::model::ShardId;

    #[test]
    fn should_be_stable_only_as_far_as_the_slowest_log() {
        let log = |name: &str| LogId::new(name.parse().unwrap(), ShardId(0));
        let at = |seq, ms| Start {
            seq: Seq(seq),
            hlc: Hlc::from_millis(ms),
            ..Start::default()
        };
        let mut positions = Positions::default();
        let (fast, slow) = (watch::channel(at(9, 900)), watch::channel(at(4, 300)));
        positions.follow(log("use1"), fast.1);
        assert_eq!(positions.stable(), Hlc::from_millis(900));
        positions.follow(log("euw1"), slow.1);
        assert_eq!(positions.stable(), Hlc::from_millis(300));
        slow.0.send_replace(at(5, 800));
        assert_eq!(positions.stable(), Hlc::from_millis(800));
        assert_eq!(positions.applied().get(log("euw1")), Seq(5));
    }
}

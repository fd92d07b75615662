//! [`stable`]: up to which time nothing can come any more.

use crate::model::{Hlc, LogId};
use std::collections::BTreeMap;

/// Up to which time every mutation is known where each log was read up to the time `read` names.
///
/// The times of a log rise, so what is yet to come of it is newer than what was read. What a later mutation of any
/// member could need must be kept as long as it is newer than this: a log that nothing was read of keeps everything.
pub fn stable(members: impl IntoIterator<Item = LogId>, read: &BTreeMap<LogId, Hlc>) -> Hlc {
    let times = members.into_iter();
    let times = times.map(|log| read.get(&log).copied().unwrap_or_default());
    times.min().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ShardId;

    #[test]
    fn should_wait_for_the_member_that_is_furthest_behind() {
        let log = |region: &str| LogId::new(region.parse().unwrap(), ShardId(0));
        let (a, b, c) = (log("a"), log("b"), log("c"));
        let read = BTreeMap::from([(a, Hlc(7)), (b, Hlc(5)), (c, Hlc(1))]);
        assert_eq!(stable([a, b], &read), Hlc(5));
        assert_eq!(stable([a], &read), Hlc(7));
        assert_eq!(stable([a, log("d")], &read), Hlc::ZERO);
        assert_eq!(stable([], &read), Hlc::ZERO);
    }
}

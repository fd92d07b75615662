//! [`Look`]: whether an object is missing, asked on the spot.

use super::{Op, meter::Meter};
use object_store::path::Path;
use std::{fs, io, path::PathBuf, sync::Arc};

/// Looks for objects in a local directory without leaving the thread: a system call that asks the
/// file system's tables in memory, and now and then its disk.
#[derive(Debug, Clone)]
pub struct Look {
    dir: Arc<PathBuf>,
    meter: Arc<Meter>,
}

impl Look {
    /// `None` where `dir` may lie on another machine: such a file system may hang, and may take what it
    /// heard a while ago for an answer.
    pub(super) fn new(dir: &std::path::Path, meter: Arc<Meter>) -> Option<Self> {
        let dir = fs::canonicalize(dir).ok()?;
        is_of_this_machine(&dir).then(|| Self {
            dir: Arc::new(dir),
            meter,
        })
    }

    /// Whether there surely was no object at `path` at some moment of this call.
    pub fn is_missing(&self, path: &Path) -> bool {
        self.meter.count(Op::Get);
        let found = fs::metadata(self.dir.join(path.as_ref()));
        found.is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }
}

#[cfg(target_os = "linux")]
fn is_of_this_machine(dir: &std::path::Path) -> bool {
    /// ext, XFS, Btrfs, tmpfs, overlay, ZFS, F2FS: as `statfs` names them.
    const LOCAL: [u64; 7] = [
        0xef53,
        0x5846_5342,
        0x9123_683e,
        0x0102_1994,
        0x794c_7630,
        0x2fc1_2fc1,
        0xf2f5_2010,
    ];
    let kind = rustix::fs::statfs(dir).map(|found| found.f_type);
    kind.is_ok_and(|kind| u64::try_from(kind).is_ok_and(|kind| LOCAL.contains(&kind)))
}

#[cfg(not(target_os = "linux"))]
fn is_of_this_machine(_: &std::path::Path) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use crate::{
        SystemClock,
        store::{Op, Store, StoreOptions, ThrottleOptions},
    };
    use object_store::{ObjectStoreExt as _, path::Path};
    use std::{sync::Arc, time::Duration};

    fn open(url: &str, options: &StoreOptions) -> Store {
        let clock = Arc::new(SystemClock) as Arc<_>;
        Store::open(url, [("", ""); 0], options, &clock).unwrap()
    }

    #[tokio::test]
    async fn should_see_an_object_as_soon_as_it_is_created() {
        let dir = tempfile::tempdir().unwrap();
        let store = open(dir.path().to_str().unwrap(), &StoreOptions::default());
        let look = store.look.clone().unwrap();
        let path = Path::from("log/eu/0000/00000000000000000001.seg");
        assert!(look.is_missing(&path));
        store.log.put(&path, "x".into()).await.unwrap();
        assert!(!look.is_missing(&path));
        assert_eq!(store.log_requests.of(Op::Get), 2);
    }

    #[test]
    fn should_not_look_past_what_makes_a_store_slow() {
        let dir = tempfile::tempdir().unwrap();
        let options = StoreOptions {
            throttle: ThrottleOptions {
                latency: Duration::from_millis(1),
                bytes_per_second: None,
            },
            ..StoreOptions::default()
        };
        assert!(open(dir.path().to_str().unwrap(), &options).look.is_none());
        assert!(
            open("memory://look", &StoreOptions::default())
                .look
                .is_none()
        );
    }
}

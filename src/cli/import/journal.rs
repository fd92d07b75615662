//! [`Journal`]: which rows of a file have arrived, so that an interrupted import goes on.

use anyhow::{Context as _, ensure};
use isobath_storage::Clock;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    env,
    fs::{self, File, OpenOptions, TryLockError},
    io::{BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _},
    path::{Path, PathBuf},
};

/// Bytes at each end of a file by which it is known again.
const SAMPLE: u64 = 1 << 20;

/// What is being imported, and how it is cut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Identity {
    /// The server's address.
    pub(super) url: String,
    /// The namespace.
    pub(super) namespace: String,
    /// The hash of the file's length, beginning and end.
    pub(super) file: String,
    /// Rows a chunk.
    pub(super) batch_rows: usize,
    /// Columns by their use, since they change what is sent.
    pub(super) columns: Vec<String>,
}

impl Identity {
    /// A hash that names the journal.
    fn hash(&self) -> anyhow::Result<String> {
        let hash = blake3::hash(&serde_json::to_vec(self)?).to_hex();
        Ok(hash[..32].to_owned())
    }
}

/// The hash of a file's length, beginning and end.
pub(super) fn fingerprint(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path).context("cannot open the file")?;
    let length = file.metadata()?.len();
    let mut bytes = Vec::new();
    (&file).take(SAMPLE).read_to_end(&mut bytes)?;
    file.seek(SeekFrom::Start(length.saturating_sub(SAMPLE)))?;
    file.take(SAMPLE).read_to_end(&mut bytes)?;
    bytes.extend(length.to_le_bytes());
    Ok(blake3::hash(&bytes).to_hex().to_string())
}

/// The first line of a journal.
#[derive(Debug, Serialize, Deserialize)]
struct Header {
    /// What is being imported.
    identity: Identity,
    /// Tells this import from an earlier one of the same file.
    nonce: String,
}

/// Which rows of a file have arrived. Removed at the end, so that the same file can be imported again.
#[derive(Debug)]
pub(super) struct Journal {
    path: PathBuf,
    file: File,
    nonce: String,
    /// First row → number of rows.
    done: BTreeMap<u64, u64>,
}

impl Journal {
    /// Opens the journal of an import in `folder`, or starts one.
    pub(super) fn open(
        folder: &Path,
        identity: &Identity,
        clock: &dyn Clock,
    ) -> anyhow::Result<Self> {
        fs::create_dir_all(folder)?;
        let path = folder.join(format!("{}.journal", identity.hash()?));
        let mut options = OpenOptions::new();
        let file = options.read(true).append(true).create(true).open(&path)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => anyhow::bail!("this file is being imported already"),
            Err(TryLockError::Error(error)) => return Err(error.into()),
        }
        let lines: Vec<String> = BufReader::new(&file).lines().collect::<Result<_, _>>()?;
        let header = lines
            .first()
            .and_then(|line| serde_json::from_str(line).ok());
        let mut journal = Self {
            path,
            file,
            nonce: String::new(),
            done: BTreeMap::new(),
        };
        match header {
            Some(Header { nonce, .. }) => journal.resume(nonce, &lines[1..]),
            None => journal.start(identity, clock)?,
        }
        Ok(journal)
    }

    fn resume(&mut self, nonce: String, lines: &[String]) {
        self.nonce = nonce;
        // The last line may be cut off: those rows are sent again under the same key.
        let pairs = lines
            .iter()
            .filter_map(|line| serde_json::from_str(line).ok());
        self.done = pairs.collect::<Vec<(u64, u64)>>().into_iter().collect();
    }

    fn start(&mut self, identity: &Identity, clock: &dyn Clock) -> anyhow::Result<()> {
        let seed = format!(
            "{} {:?} {}",
            clock.now_ms(),
            clock.monotonic(),
            std::process::id()
        );
        self.nonce = blake3::hash(seed.as_bytes()).to_hex().to_string();
        self.file.set_len(0)?;
        let header = Header {
            identity: identity.clone(),
            nonce: self.nonce.clone(),
        };
        self.append(&serde_json::to_string(&header)?)
    }

    /// How many rows have arrived.
    pub(super) fn rows(&self) -> u64 {
        self.done.values().sum()
    }

    /// Whether all of these rows have arrived.
    pub(super) fn has(&self, first: u64, rows: u64) -> bool {
        let mut next = first;
        while next < first + rows {
            let Some((start, count)) = self.done.range(..=next).next_back() else {
                return false;
            };
            if start + count <= next {
                return false;
            }
            next = start + count;
        }
        true
    }

    /// Notes that these rows have arrived.
    pub(super) fn note(&mut self, first: u64, rows: u64) -> anyhow::Result<()> {
        ensure!(rows > 0, "a batch without rows");
        self.done.insert(first, rows);
        self.append(&serde_json::to_string(&(first, rows))?)
    }

    /// The key under which these rows are written, in whatever attempt.
    pub(super) fn key(&self, first: u64, rows: u64) -> String {
        let text = format!("{} {first} {rows}", self.nonce);
        blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
    }

    /// Removes the journal: everything has arrived.
    pub(super) fn finish(self) -> anyhow::Result<()> {
        fs::remove_file(&self.path).context("cannot remove the journal")
    }

    fn append(&mut self, line: &str) -> anyhow::Result<()> {
        writeln!(self.file, "{line}").context("cannot write the journal")
    }
}

/// Where journals are kept when nothing else is said.
pub(super) fn default_folder() -> PathBuf {
    let cache = env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || Some(PathBuf::from(env::var_os("HOME")?).join(".cache"));
    let base = cache.or_else(home).unwrap_or_else(env::temp_dir);
    base.join("isobath").join("import")
}

#[cfg(test)]
mod tests {
    use super::*;
    use isobath_storage::SystemClock;

    fn identity() -> Identity {
        Identity {
            url: "http://127.0.0.1:1".to_owned(),
            namespace: "a".to_owned(),
            file: "f".to_owned(),
            batch_rows: 10,
            columns: Vec::new(),
        }
    }

    #[test]
    fn should_go_on_where_an_import_was_interrupted() {
        let folder = tempfile::tempdir().unwrap();
        let open = || Journal::open(folder.path(), &identity(), &SystemClock).unwrap();
        let mut journal = open();
        journal.note(0, 10).unwrap();
        journal.note(20, 5).unwrap();
        journal.append("[25,").unwrap();
        let key = journal.key(25, 5);
        drop(journal);
        let mut journal = open();
        assert!(journal.has(0, 10) && journal.has(2, 3) && journal.has(20, 5));
        assert!(!journal.has(10, 10) && !journal.has(5, 10) && !journal.has(20, 6));
        assert_eq!(journal.key(25, 5), key);
        journal.note(10, 10).unwrap();
        assert!(journal.has(0, 25));
        journal.finish().unwrap();
        let journal = open();
        assert_eq!(journal.rows(), 0);
        assert_ne!(
            journal.key(25, 5),
            key,
            "a new import must not pass for the old one"
        );
    }

    #[test]
    fn should_refuse_a_second_import_of_the_file_at_the_same_time() {
        let folder = tempfile::tempdir().unwrap();
        let first = Journal::open(folder.path(), &identity(), &SystemClock).unwrap();
        assert!(Journal::open(folder.path(), &identity(), &SystemClock).is_err());
        drop(first);
    }

    #[test]
    fn should_know_a_changed_file() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(b"abc").unwrap();
        let before = fingerprint(file.path()).unwrap();
        assert_eq!(before, fingerprint(file.path()).unwrap());
        file.write_all(b"d").unwrap();
        assert_ne!(before, fingerprint(file.path()).unwrap());
    }
}

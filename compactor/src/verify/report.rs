//! [`Report`]: what a verification found.

use isobath_storage::model::ContentHash;

/// What a verification found.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Damaged and missing objects.
    pub damaged: Vec<Finding>,
    /// What an operator may want to know; not damage.
    pub notes: Vec<Finding>,
    /// How many objects were read.
    pub objects: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Names what readers see of the newest state; none where damage keeps it from being read.
    pub digest: Option<ContentHash>,
}

/// Something about one object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Finding {
    /// The object.
    pub key: String,
    /// What is to be said about it.
    pub what: String,
}

impl Report {
    pub(super) fn damage(&mut self, key: &(impl ToString + ?Sized), what: impl Into<String>) {
        let (key, what) = (key.to_string(), what.into());
        self.damaged.push(Finding { key, what });
    }

    pub(super) fn note(&mut self, key: &(impl ToString + ?Sized), what: impl Into<String>) {
        let (key, what) = (key.to_string(), what.into());
        self.notes.push(Finding { key, what });
    }

    pub(super) fn read(&mut self, bytes: usize) {
        self.objects += 1;
        self.bytes += bytes as u64;
    }
}

//! [`Source`]: the files of the workspace.

use std::{
    fs,
    path::{Path, PathBuf},
};

/// Folders that hold no code of ours.
const SKIPPED: [&str; 2] = ["target", "node_modules"];

/// A Rust file.
pub(crate) struct Source {
    /// Its path below the workspace.
    pub(crate) path: PathBuf,
    /// Its text.
    pub(crate) text: String,
}

impl Source {
    /// Every Rust file below a folder of the workspace.
    pub(crate) fn below(folder: &str) -> Vec<Self> {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        let mut found = Vec::new();
        walk(root, &root.join(folder), &mut found);
        found.sort_by(|a, b| a.path.cmp(&b.path));
        found
    }

    /// The text before the unit tests, which stand at the end; nothing for files of tests.
    pub(crate) fn product(&self) -> &str {
        let is_test = |part: &str| part == "tests" || part == "tests.rs" || part == "samples.rs";
        let mut parts = self.path.iter().filter_map(|part| part.to_str());
        if parts.any(is_test) {
            return "";
        }
        self.text.split("#[cfg(test)]").next().unwrap_or_default()
    }
}

fn walk(root: &Path, folder: &Path, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap_or_default();
        if path.is_dir() && !name.starts_with('.') && !SKIPPED.contains(&name) {
            walk(root, &path, found);
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(Source {
                text: fs::read_to_string(&path).unwrap(),
                path: path.strip_prefix(root).unwrap().to_owned(),
            });
        }
    }
}

//! A text index on disk: the file `text` in JSON, written last, names the one that holds the rest.

use super::{Analyzer, TextColumn, TextIndex, text_index::NO_TEXT};
use crate::index::{
    FileRef, IndexError,
    file::{self, Files, Kind},
};
use bytemuck::cast_slice;
use isobath_storage::model::Analysis;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    fs,
    io::{self, Write as _},
    path::Path,
    sync::Arc,
};

/// The version of what text becomes: another one is built anew.
pub(in crate::index) const VERSION: u32 = 1;
const DESCRIPTION: &str = "text";
/// No description is longer.
const MAX_BYTES: u64 = 1 << 16;
/// So many rows are analysed when an index is opened: stemmers and tables of letters change with their crates.
const SAMPLE: usize = 200;

/// What is in the file that it names.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::index) struct Description {
    version: u32,
    analysis: Analysis,
    rows: usize,
    /// Rows that have a text.
    texts: usize,
    terms: usize,
    letters: usize,
    postings: usize,
    pub(in crate::index) file: FileRef,
}

/// Writes an index into the folder `dir`.
pub(super) fn create(
    dir: &Path,
    index: &TextIndex,
    column: &TextColumn<'_>,
) -> Result<(), IndexError> {
    let description = create_file(dir, index, column)?;
    let path = dir.join(DESCRIPTION);
    let text = serde_json::to_vec_pretty(&description)
        .map_err(io::Error::from)
        .map_err(IndexError::io("encode", &path))?;
    let temporary = file::write(&path, |file| file.write_all(&text))?;
    fs::rename(&temporary, &path).map_err(IndexError::io("rename to", &path))
}

/// Writes an index into the folder `dir`, but for its description.
pub(super) fn create_file(
    dir: &Path,
    index: &TextIndex,
    column: &TextColumn<'_>,
) -> Result<Description, IndexError> {
    // What is there is damaged, or of other texts.
    match fs::remove_dir_all(dir) {
        Err(e) if e.kind() != io::ErrorKind::NotFound => {
            return Err(IndexError::io("remove", dir)(e));
        }
        _ => {}
    }
    fs::create_dir_all(dir).map_err(IndexError::io("create", dir))?;
    let sections: [&[u8]; 6] = [
        cast_slice(index.lengths.as_slice()),
        cast_slice(index.words.as_slice()),
        cast_slice(index.starts.as_slice()),
        cast_slice(index.rows.as_slice()),
        cast_slice(index.counts.as_slice()),
        index.letters.as_slice(),
    ];
    Ok(Description {
        version: VERSION,
        analysis: index.analysis,
        rows: index.lengths.as_slice().len(),
        texts: column.valid(),
        terms: index.words.as_slice().len() - 1,
        letters: index.letters.as_slice().len(),
        postings: index.rows.as_slice().len(),
        file: file::create(dir, Kind::Text, &sections)?,
    })
}

/// Opens and checks the index of a column in the folder `dir`.
pub(super) fn open(
    dir: &Path,
    column: &TextColumn<'_>,
    analysis: Analysis,
) -> Result<TextIndex, IndexError> {
    let path = dir.join(DESCRIPTION);
    let length = fs::metadata(&path).map_err(IndexError::io("open", &path))?;
    if length.len() > MAX_BYTES {
        return Err(IndexError::corrupt(path, "it is too long"));
    }
    let text = fs::read(&path).map_err(IndexError::io("read", &path))?;
    let found: Description =
        serde_json::from_slice(&text).map_err(|e| IndexError::corrupt(&path, e.to_string()))?;
    open_described(&found, dir, column, analysis)
}

/// Opens and checks the index of a column that `found` describes, of these files.
pub(super) fn open_described(
    found: &Description,
    files: &(impl Files + ?Sized),
    column: &TextColumn<'_>,
    analysis: Analysis,
) -> Result<TextIndex, IndexError> {
    let corrupt = |fault: &str| IndexError::corrupt(&found.file.hash, fault);
    let same = (found.version, found.analysis) == (VERSION, analysis);
    if !same || (found.rows, found.texts) != (column.len(), column.valid()) {
        return Err(corrupt("it describes other texts"));
    }
    if !found.file.has_name() || found.terms == usize::MAX {
        return Err(corrupt("it names no file"));
    }
    let mut file = files.open(Kind::Text, &found.file)?;
    file.verify()?;
    let index = TextIndex {
        analysis,
        array: Arc::clone(column.array()),
        stored: true,
        lengths: file.section(found.rows)?,
        words: file.section(found.terms + 1)?,
        starts: file.section(found.terms + 1)?,
        rows: file.section(found.postings)?,
        counts: file.section(found.postings)?,
        letters: file.section(found.letters)?,
        counted: Mutex::default(),
    };
    if !agrees(&index, column) {
        return Err(corrupt("texts become other terms now"));
    }
    Ok(index)
}

/// Whether some of the texts have the terms that the index says.
fn agrees(index: &TextIndex, column: &TextColumn<'_>) -> bool {
    let analyzer = Analyzer::new(index.analysis);
    let step = (column.len() / SAMPLE).max(1);
    (0..column.len()).step_by(step).all(|row| {
        let mut terms: BTreeMap<String, u32> = BTreeMap::new();
        column.each(row, |text| {
            analyzer.terms(text, |term| {
                if let Some(term) = term {
                    *terms.entry(term.to_owned()).or_default() += 1;
                }
            });
        });
        let length = if column.is_null(row) {
            NO_TEXT
        } else {
            terms.values().sum()
        };
        let holds = |(term, count): (&String, &u32)| {
            let postings = index.postings(term);
            let at = postings.rows.binary_search(&(row as u32));
            at.is_ok_and(|at| postings.counts.get(at) == Some(count))
        };
        index.lengths().get(row) == Some(&length) && terms.iter().all(holds)
    })
}

//! Damaged files.

use crate::data::{Built, Random, Rows};
use isobath_query::index::{
    Index, IndexError, IndexParams, META_FILE, PreparedQuery, Scratch, SearchOptions, SearchPath,
};
use isobath_storage::model::Metric;
use std::{
    fs,
    path::{Path, PathBuf},
};

fn small() -> (Built, Rows) {
    let (rows, queries) = Rows::clustered(600, 70, 10, 31);
    (
        Built::new(rows, &IndexParams::new(Metric::EuclideanSquared)),
        queries,
    )
}

fn files(dir: &Path) -> Vec<PathBuf> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect()
}

/// What opening and verifying say.
fn check(dir: &Path) -> Result<(), IndexError> {
    Index::open(dir)?.verify()
}

/// Replaces a file by another one with this content: an open index keeps the one it has mapped.
fn replace(path: &Path, content: &[u8]) {
    let other = path.with_extension("other");
    fs::write(&other, content).unwrap();
    fs::rename(other, path).unwrap();
}

#[test]
fn should_be_whole_after_a_build() {
    let (built, _) = small();
    check(built.dir.path()).unwrap();
    assert_eq!(
        files(built.dir.path()).len(),
        3,
        "codes, graph, meta and no leftovers"
    );
}

#[test]
fn should_keep_the_first_of_two_builds() {
    let (built, _) = small();
    let first = built.index.meta().clone();
    let params = &first.params;
    let second = crate::data::build_in(&built.rows.set(), None, params, &built.dir);
    assert_eq!(first, second);
}

#[test]
fn should_detect_every_missing_file() {
    let (built, _) = small();
    for path in files(built.dir.path()) {
        let content = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        assert!(
            check(built.dir.path()).unwrap_err().needs_rebuild(),
            "{path:?}"
        );
        fs::write(&path, content).unwrap();
    }
    check(built.dir.path()).unwrap();
}

#[test]
fn should_detect_every_truncation_when_opening() {
    let (built, _) = small();
    for path in files(built.dir.path()) {
        let content = fs::read(&path).unwrap();
        let cuts = (0..100)
            .chain((0..40).map(|i| content.len() * i / 40))
            .chain([content.len() - 1]);
        for cut in cuts.filter(|cut| *cut < content.len()) {
            replace(&path, &content[..cut]);
            let error = Index::open(built.dir.path()).unwrap_err();
            assert!(error.needs_rebuild(), "{path:?} {cut}: {error}");
        }
        replace(&path, &content);
    }
}

#[test]
fn should_detect_flipped_bits_and_survive_searching_them() {
    let (built, queries) = small();
    let mut random = Random(9);
    for path in files(built.dir.path()) {
        if path.ends_with(META_FILE) {
            continue;
        }
        let content = fs::read(&path).unwrap();
        for turn in 0..300 {
            // the first line byte by byte, then anywhere
            let at = if turn < 64 {
                turn
            } else {
                random.below(content.len())
            };
            let mut damaged = content.clone();
            damaged[at] ^= 1 << random.below(8);
            replace(&path, &damaged);
            assert!(check(built.dir.path()).is_err(), "{path:?} {at}");
            if let Ok(index) = Index::open(built.dir.path()) {
                search(&index, &built.rows, &queries);
            }
        }
        replace(&path, &content);
    }
}

#[test]
fn should_survive_a_graph_of_noise() {
    let (built, queries) = small();
    let meta = built.index.meta();
    let path = built
        .dir
        .path()
        .join(&meta.graph.as_ref().unwrap().file.hash);
    let mut random = Random(10);
    let content = fs::read(&path).unwrap();
    let mut damaged = content.clone();
    let adjacency = content.len() - 600 * 48 * 4;
    damaged[adjacency..]
        .iter_mut()
        .for_each(|byte| *byte = random.next() as u8);
    replace(&path, &damaged);
    let index = Index::open(built.dir.path()).unwrap();
    search(&index, &built.rows, &queries);
    assert!(matches!(index.verify(), Err(IndexError::Corrupt { .. })));
}

#[test]
fn should_refuse_names_that_lead_elsewhere() {
    let (built, _) = small();
    let path = built.dir.path().join(META_FILE);
    let text = fs::read_to_string(&path).unwrap();
    let name = &built.index.meta().codes.hash;
    let other = format!("../{}", &name[3..]);
    replace(&path, text.replace(name.as_str(), &other).as_bytes());
    assert!(matches!(
        Index::open(built.dir.path()),
        Err(IndexError::Corrupt { .. })
    ));
}

fn search(index: &Index, rows: &Rows, queries: &Rows) {
    for path in [SearchPath::Scan, SearchPath::Graph] {
        let options = SearchOptions {
            path: Some(path),
            ..SearchOptions::default()
        };
        let query = PreparedQuery::new(Metric::EuclideanSquared, queries.row(0)).unwrap();
        let found = index.search(
            &query,
            &rows.set(),
            10,
            &options,
            |_| true,
            &mut Scratch::default(),
        );
        assert!(found.unwrap().hits.len() <= 10);
    }
}

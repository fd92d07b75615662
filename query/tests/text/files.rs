//! Text indexes that are built in the background, kept in files and opened again.

use super::{
    assert_like_the_reference,
    glosses::{Gloss, glosses, view},
    part, queries,
    reference::Reference,
};
use isobath_config::IndexConfig;
use isobath_query::{index::IndexService, view::View};
use isobath_storage::{Clock, SystemClock, model::FullText};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

fn service(folder: &Path) -> IndexService {
    let config = IndexConfig {
        min_rows_for_graph: 1,
        ..IndexConfig::default()
    };
    IndexService::start(folder, &config, None).unwrap()
}

async fn indexed(folder: &Path, view: &View) {
    let service = service(folder);
    service.refresh(view);
    while service.status(view).unindexed_rows > 0 {
        SystemClock.sleep(Duration::from_millis(5)).await;
    }
}

/// The files of all indexes with the times of their last change.
fn files(folder: &Path) -> Vec<(PathBuf, String)> {
    let list = |folder: PathBuf| {
        let entries = fs::read_dir(folder).unwrap();
        entries.map(|entry| entry.unwrap().path())
    };
    let folders = list(folder.join("wordnet/index"));
    let changed = |file: PathBuf| {
        let changed = fs::metadata(&file).unwrap().modified().unwrap();
        (file, format!("{changed:?}"))
    };
    folders.flat_map(list).map(changed).collect()
}

fn of_parts(glosses: &[Gloss], full_text: FullText) -> View {
    let sets = vec![
        (part("a"), &glosses[..1_500]),
        (part("b"), &glosses[1_500..]),
    ];
    view(sets, full_text)
}

#[tokio::test]
async fn should_open_a_finished_index_again() {
    let home = tempfile::tempdir().unwrap();
    let (glosses, full_text) = (glosses(), FullText::default());
    let (reference, queries) = (Reference::new(&glosses, full_text), queries(&glosses, 20));
    indexed(home.path(), &of_parts(&glosses, full_text)).await;
    let first = files(home.path());
    assert_eq!(first.len(), 4);
    let view = of_parts(&glosses, full_text);
    indexed(home.path(), &view).await;
    assert_eq!(files(home.path()), first);
    assert_like_the_reference(&view, &reference, &queries);
    // Other weights need no other index; another analysis does.
    let weighed = FullText {
        k1: 2.0,
        ..full_text
    };
    indexed(home.path(), &of_parts(&glosses, weighed)).await;
    assert_eq!(files(home.path()), first);
    let stemmed = FullText {
        stemming: true,
        ..full_text
    };
    indexed(home.path(), &of_parts(&glosses, stemmed)).await;
    assert_eq!(files(home.path()).len(), 8);
}

#[tokio::test]
async fn should_build_a_damaged_index_again() {
    let home = tempfile::tempdir().unwrap();
    let (glosses, full_text) = (glosses(), FullText::default());
    let (reference, queries) = (Reference::new(&glosses, full_text), queries(&glosses, 20));
    indexed(home.path(), &of_parts(&glosses, full_text)).await;
    for (file, _) in files(home.path()) {
        let mut bytes = fs::read(&file).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 4;
        fs::write(&file, bytes).unwrap();
        let view = of_parts(&glosses, full_text);
        indexed(home.path(), &view).await;
        assert_like_the_reference(&view, &reference, &queries);
        assert_eq!(files(home.path()).len(), 4);
    }
    // The part of that name has other texts now: nothing of the old ones may be found.
    let mut others = glosses.clone();
    others[0].text = Some("another water altogether".into());
    let view = of_parts(&others, full_text);
    indexed(home.path(), &view).await;
    assert_like_the_reference(&view, &Reference::new(&others, full_text), &queries);
}

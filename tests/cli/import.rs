//! Imports against servers that fail.

use crate::{
    program::{run, stderr},
    server::Server,
};
use serde_json::json;
use std::process::Output;

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/testdata/wordnet/slice2k.parquet"
);

fn import(server: &Server, journal: &tempfile::TempDir) -> Output {
    let journal = journal.path().to_str().unwrap();
    let args = [
        "import",
        "words",
        SAMPLE,
        "--url",
        &server.url,
        "--batch-rows",
        "300",
    ];
    run(&[&args[..], &["--journal", journal]].concat())
}

#[test]
fn should_deliver_every_row_once_to_a_busy_server() {
    let (server, journal) = (Server::start(2, None), tempfile::tempdir().unwrap());
    let output = import(&server, &journal);
    assert!(output.status.success(), "{}", stderr(&output));
    let expected: Vec<u64> = (0..2_000).collect();
    assert_eq!(server.ids(), expected);
    let seen = server.seen.lock().unwrap();
    assert!(seen.attempts.values().all(|attempts| *attempts == 3));
    let body = seen.writes.values().next().unwrap();
    let vector = json!({ "type": "[384]f32", "ann": true });
    assert_eq!(body["schema"]["vector"], vector);
    assert_eq!(body["schema"]["n_lemmas"], "int");
    assert_eq!(body["distance_metric"], "cosine_distance");
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(text.starts_with("imported 2000 rows into words"), "{text}");
}

#[test]
fn should_go_on_where_it_was_interrupted() {
    let (server, journal) = (Server::start(0, Some(3)), tempfile::tempdir().unwrap());
    let output = import(&server, &journal);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(
        text.contains("slice2k.parquet") && text.contains("enough"),
        "{text}"
    );
    assert_eq!(server.ids().len(), 900);
    let before = server.seen.lock().unwrap().attempts.clone();

    server.seen.lock().unwrap().limit = None;
    let output = import(&server, &journal);
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(server.ids(), (0..2_000).collect::<Vec<u64>>());
    let seen = server.seen.lock().unwrap();
    assert_eq!(seen.writes.len(), 7);
    // At most those that were under way when it ended were sent again, under the keys they had.
    let again = seen
        .attempts
        .iter()
        .filter(|(key, n)| before.get(*key).is_some_and(|b| *n > b));
    assert!(again.count() <= 4 + 3);
    assert_eq!(journal.path().read_dir().unwrap().count(), 0);
}

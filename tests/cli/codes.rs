//! Exit codes that scripts can tell apart, and errors of one line.

use crate::program::{run, stderr, stdout};
use std::fs;

#[test]
fn should_name_every_wrong_setting_in_one_line() {
    let args = [
        "config",
        "check",
        "--region",
        "Up",
        "--set",
        "server.max_connections=0",
        "--set",
        "log.window=0",
    ];
    let output = run(&args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    for key in ["region", "server.max_connections", "log.window"] {
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn should_print_settings_that_it_reads_back() {
    let printed = stdout(&[
        "config",
        "print",
        "--set",
        "log.heartbeat=3s",
        "--roles",
        "query",
    ]);
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), &printed).unwrap();
    let again = stdout(&["config", "print", "--config", file.path().to_str().unwrap()]);
    assert_eq!(printed, again);
    assert!(printed.contains("heartbeat = \"3s\""), "{printed}");
}

#[test]
fn should_say_that_nobody_answers() {
    let args = [
        "export",
        "a",
        "--url",
        "http://127.0.0.1:9",
        "--patience",
        "0s",
    ];
    let output = run(&args);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("cannot reach http://127.0.0.1:9"), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
}

#[test]
fn should_say_that_a_segment_is_damaged() {
    let dir = tempfile::tempdir().unwrap();
    let key = "log/local/0000/00000000000000000001.seg";
    fs::create_dir_all(dir.path().join("log/local/0000")).unwrap();
    fs::write(dir.path().join(key), vec![7; 5_000]).unwrap();
    let bucket = dir.path().to_str().unwrap();
    for args in [
        ["inspect", "segment", bucket, key],
        ["inspect", "segment", bucket, "1"],
    ] {
        let output = run(&args);
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.contains(key), "{text}");
    }
}

#[test]
fn should_say_that_a_bucket_is_not_there() {
    let output = run(&["inspect", "log", "/nowhere/at/all"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains("/nowhere/at/all"), "{text}");
}

#[test]
fn should_refuse_columns_that_a_file_does_not_have() {
    let file = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/testdata/wordnet/slice2k.parquet"
    );
    let output = run(&["import", "a", file, "--id-column", "key"]);
    let text = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(
        text.contains("`key`") && text.contains("n_lemmas"),
        "{text}"
    );
}

#[test]
fn should_find_a_directory_fit_for_a_node() {
    let dir = tempfile::tempdir().unwrap();
    let (bucket, cache) = (dir.path().join("bucket"), dir.path().join("cache"));
    fs::create_dir(&bucket).unwrap();
    let (bucket_text, cache) = (bucket.to_str().unwrap(), cache.to_str().unwrap());
    let text = stdout(&["doctor", "--bucket", bucket_text, "--cache", cache]);
    assert!(text.ends_with("a node can run here\n"), "{text}");
    assert!(text.contains("the bucket is new"), "{text}");
    let left: Vec<_> = walk(&bucket);
    assert!(left.is_empty(), "the probe left {left:?}");

    fs::write(bucket.join("marker"), "not a marker").unwrap();
    let output = run(&["doctor", "--bucket", bucket_text, "--cache", cache]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
}

/// The files below a directory.
fn walk(dir: &std::path::Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path());
    let below = entries.flat_map(|path| {
        if path.is_dir() {
            walk(&path)
        } else {
            vec![path]
        }
    });
    below.collect()
}

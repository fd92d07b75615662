//! Files into a real node, out again, and what is then in the bucket.

use crate::program::{isobath, run, stderr, stdout};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs,
    io::{BufRead as _, BufReader},
    path::Path,
    process::{Child, Stdio},
};

const SAMPLE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/testdata/wordnet/slice2k.parquet"
);

/// A running node; killed when dropped.
struct Node {
    child: Child,
    url: String,
}

impl Node {
    fn start(dir: &Path) -> Self {
        let path = |name: &str| dir.join(name).to_str().unwrap().to_owned();
        let mut child = isobath()
            .args(["serve", "--listen", "127.0.0.1:0"])
            .args(["--bucket", &path("bucket"), "--cache", &path("cache")])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let stdout = child.stdout.take().unwrap();
        BufReader::new(stdout).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        assert!(url.starts_with("http://127.0.0.1:"), "{line}");
        Self { child, url }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

/// Rows by id.
fn rows(jsonl: &str) -> BTreeMap<u64, Value> {
    let rows = jsonl
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    rows.map(|row| (row["id"].as_u64().unwrap(), row)).collect()
}

#[test]
fn should_give_back_what_was_imported() {
    let dir = tempfile::tempdir().unwrap();
    let node = Node::start(dir.path());
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let journal = path("journal");
    let import = |namespace: &str, file: &str| {
        let args = [
            "import",
            namespace,
            file,
            "--url",
            &node.url,
            "--journal",
            &journal,
            "--wait",
        ];
        let output = run(&args);
        assert!(output.status.success(), "{}", stderr(&output));
    };
    import("first", SAMPLE);
    let exported = stdout(&["export", "first", "--url", &node.url, "--page-rows", "700"]);
    let first = rows(&exported);
    assert_eq!(first.len(), 2_000);
    assert_eq!(first[&0]["vector"].as_array().unwrap().len(), 384);

    for (namespace, format) in [
        ("second", "parquet"),
        ("third", "arrow"),
        ("fourth", "jsonl"),
    ] {
        let file = path(format);
        stdout(&[
            "export", "first", "--url", &node.url, "--format", format, "--output", &file,
        ]);
        import(namespace, &file);
        let again = stdout(&["export", namespace, "--url", &node.url]);
        assert!(rows(&again) == first, "{format} changed rows");
    }
    inspect(&path("bucket"));
}

/// What the bucket's own words say about it.
fn inspect(bucket: &str) {
    let log: Value = serde_json::from_str(&stdout(&["inspect", "log", bucket, "--json"])).unwrap();
    assert_eq!(log[0]["gaps"], 0, "{log}");
    let segments = log[0]["shown"].as_array().unwrap();
    let data = segments
        .iter()
        .find(|segment| segment["kind"] == "data")
        .unwrap();
    let seq = data["seq"].to_string();
    let segment = stdout(&["inspect", "segment", bucket, &seq]);
    assert!(
        segment.contains("verified") && segment.contains("upserts"),
        "{segment}"
    );
    let found = stdout(&["inspect", "namespace", bucket, "first", "--json"]);
    let found: Value = serde_json::from_str(&found).unwrap();
    assert_eq!(
        (&found["exists"], &found["rows"]),
        (&true.into(), &2_000.into()),
        "{found}"
    );
    assert_eq!(found["attributes"]["vector"], "[384]f32, cosine_distance");
    let table = stdout(&["inspect", "log", bucket]);
    assert!(table.contains("claimed in epoch 1"), "{table}");
    let file = format!(
        "{bucket}/log/local/0000/{:020}.seg",
        data["seq"].as_u64().unwrap()
    );
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    let output = run(&["inspect", "segment", bucket, &seq]);
    assert_eq!(output.status.code(), Some(4), "{}", stderr(&output));
}

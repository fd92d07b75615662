//! What only a local directory can do: sync, fill up, become read-only. Each test runs another of
//! this file in a process of its own.

use crate::{Subject, suite};
use isobath_storage::{error::ErrorKind, store::Store};
use isobath_test_support::skipped;
use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};
use tempfile::TempDir;

/// Names the directory for the tests that are run in a process of their own.
const DIR: &str = "ISOBATH_TEST_DIR";
const SEGMENT: &str = "log/eu/0000/00000000000000000001.seg";

fn dir() -> PathBuf {
    env::var_os(DIR).unwrap().into()
}

fn bucket() -> Store {
    let url = format!("file://{}", dir().display());
    Subject::new(url, Vec::new()).open("bucket")
}

/// Says that a process came to its end.
fn done() {
    fs::write(dir().join("done"), "").unwrap();
}

/// Runs test `name` of this file by `program` and its arguments, with `dir` for itself.
fn run(dir: &TempDir, program: &str, args: &[&str], name: &str) -> Option<Output> {
    let out = Command::new(program)
        .args(args)
        .arg(env::current_exe().unwrap())
        .args(["--exact", &format!("local::{name}"), "--ignored"])
        .env(DIR, dir.path())
        .output();
    match out {
        Ok(out) => Some(out),
        Err(error) => {
            skipped(&format!("{program} does not start: {error}"));
            None
        }
    }
}

#[test]
fn should_sync_file_and_directory_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let calls = "trace=fsync,fdatasync,link,linkat,openat";
    let args = ["-f", "-y", "-e", calls, "-o", trace.to_str().unwrap()];
    let Some(out) = run(&dir, "strace", &args, "create_one") else {
        return;
    };
    if !dir.path().join("done").exists() {
        return skipped(&format!(
            "no trace: {}",
            String::from_utf8_lossy(&out.stderr)
        ));
    }
    let trace = fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = trace.lines().collect();
    let object = dir.path().join("bucket").join(SEGMENT);
    let parent = object.parent().unwrap().display().to_string();
    let (staged, object) = (
        format!("<{}#", object.display()),
        object.display().to_string(),
    );
    let at = |what: &dyn Fn(&str) -> bool, after: usize| {
        let found = calls
            .iter()
            .enumerate()
            .skip(after)
            .find(|(_, call)| what(call));
        found
            .unwrap_or_else(|| panic!("missing after line {after} of\n{trace}"))
            .0
    };
    let synced = |call: &str, fd: &str| call.contains("sync(") && call.contains(fd);
    let file = at(&|call| synced(call, &staged), 0);
    let linked = at(
        &|call| call.contains("link") && call.contains(&format!("{object}\"")),
        file,
    );
    let directory = at(&|call| synced(call, &format!("<{parent}>")), linked);
    at(
        &|call| call.contains("/done\"") && call.contains("O_CREAT"),
        directory,
    );
    // So are the directories that were made for it, each in the one above.
    let mut above = Path::new(&parent);
    while above != dir.path() {
        above = above.parent().unwrap();
        at(&|call| synced(call, &format!("<{}>", above.display())), 0);
    }
}

#[tokio::test]
#[ignore = "run below strace by another test"]
async fn create_one() {
    suite::create(&bucket(), SEGMENT, "durable").await.unwrap();
    done();
}

#[test]
fn should_say_that_the_disk_is_full_or_read_only() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("bucket")).unwrap();
    let mount =
        "mount -t tmpfs -o size=1m tmpfs \"$0/bucket\" && touch \"$0/mounted\" && exec \"$@\"";
    let args = ["-rm", "sh", "-c", mount, dir.path().to_str().unwrap()];
    let Some(out) = run(&dir, "unshare", &args, "fill_the_disk") else {
        return;
    };
    let (said, cried) = (
        String::from_utf8_lossy(&out.stdout),
        String::from_utf8_lossy(&out.stderr),
    );
    if !dir.path().join("mounted").exists() {
        return skipped(&format!("no small file system can be mounted: {cried}"));
    }
    assert!(dir.path().join("done").exists(), "{said}{cried}");
}

#[tokio::test]
#[ignore = "run on a file system of 1 MiB by another test"]
async fn fill_the_disk() {
    let store = bucket();
    let (mut n, body) = (0, vec![7_u8; 100_000]);
    let kind = loop {
        match suite::create(&store, &format!("k/{n}"), body.clone()).await {
            Ok(()) => n += 1,
            Err(kind) => break kind,
        }
    };
    assert_eq!((kind, n > 5), (ErrorKind::Full, true), "after {n} objects");
    assert_eq!(
        suite::read(&store, &format!("k/{n}")).await,
        Err(ErrorKind::NotFound)
    );
    assert_eq!(suite::read(&store, "k/0").await.unwrap(), body);
    fs::remove_file(dir().join("bucket/k/0")).unwrap();
    suite::create(&store, &format!("k/{n}"), body)
        .await
        .unwrap();
    let remount = ["-o", "remount,ro"];
    let target = dir().join("bucket");
    assert!(
        Command::new("mount")
            .args(remount)
            .arg(target)
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(
        suite::create(&store, "more", "x").await,
        Err(ErrorKind::Internal)
    );
    done();
}

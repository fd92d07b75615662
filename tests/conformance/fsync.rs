//! On a local directory an answered create is on the disk: strace sees the file, then the directory
//! that names it, synced before the answer.

use crate::{Subject, suite};
use isobath_test_support::skipped;
use std::{env, fs, path::Path, process::Command};

/// Names the directory for [`should_create_one_object`].
const DIR: &str = "ISOBATH_TRACED_DIR";
const KEY: &str = "log/eu/0000/00000000000000000001.seg";

/// The process that is traced: creates one object, then says so by a file.
#[tokio::test]
#[ignore = "it is run below strace, by the other test"]
async fn should_create_one_object() {
    let dir = env::var_os(DIR).unwrap();
    let url = format!("file://{}", Path::new(&dir).display());
    let store = Subject::new(url, Vec::new()).open("bucket");
    suite::create(&store, KEY, "durable").await.unwrap();
    fs::write(Path::new(&dir).join("answered"), "").unwrap();
}

#[test]
fn should_sync_file_and_directory_before_the_answer() {
    let dir = tempfile::tempdir().unwrap();
    let trace = dir.path().join("trace");
    let traced = Command::new("strace")
        .args([
            "-f",
            "-y",
            "-e",
            "trace=fsync,fdatasync,link,linkat,openat",
            "-o",
        ])
        .arg(&trace)
        .arg(env::current_exe().unwrap())
        .args(["--exact", "fsync::should_create_one_object", "--ignored"])
        .env(DIR, dir.path())
        .output();
    match traced {
        Err(error) => return skipped(&format!("strace does not start: {error}")),
        Ok(out) if !dir.path().join("answered").exists() => {
            return skipped(&format!(
                "strace failed: {}",
                String::from_utf8_lossy(&out.stderr)
            ));
        }
        Ok(_) => {}
    }
    let trace = fs::read_to_string(trace).unwrap();
    let calls: Vec<&str> = trace.lines().collect();
    let object = dir.path().join("bucket").join(KEY);
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
        &|call| call.contains("answered") && call.contains("O_CREAT"),
        directory,
    );
    // So are the directories that were made for it, each in the one above.
    let mut above = Path::new(&parent);
    while above != dir.path() {
        above = above.parent().unwrap();
        at(&|call| synced(call, &format!("<{}>", above.display())), 0);
    }
}

//! The program under test.

use std::process::{Command, Output};

/// A command of the program that sees no settings of whoever runs the tests.
pub(crate) fn isobath() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_isobath"));
    for (name, _) in std::env::vars_os() {
        if name
            .to_str()
            .is_some_and(|name| name.starts_with("ISOBATH_"))
        {
            command.env_remove(name);
        }
    }
    command.env_remove("RUST_LOG");
    command
}

/// What the program does with these arguments.
pub(crate) fn run(args: &[&str]) -> Output {
    isobath().args(args).output().unwrap()
}

/// What a successful run prints.
pub(crate) fn stdout(args: &[&str]) -> String {
    let output = run(args);
    assert!(output.status.success(), "{args:?}: {}", stderr(&output));
    String::from_utf8(output.stdout).unwrap()
}

/// What a run complains about.
pub(crate) fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

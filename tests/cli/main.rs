//! The command line as a user meets it: exit codes, messages, files in and out.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod codes;
mod import;
mod program;
mod round_trip;
mod server;

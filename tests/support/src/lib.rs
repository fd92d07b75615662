//! Object-store servers for tests: each is started on a free port of 127.0.0.1 with a directory of
//! its own, awaited, and ended when its handle is dropped.
//!
//! `.ci/tools` installs the servers. One that is missing makes its test print a line and pass, or
//! fail where `CI=true`.

mod azurite;
mod child;
mod gcs;
mod minio;
mod part;
mod toxiproxy;

pub use azurite::Azurite;
pub use gcs::GcsFake;
pub use minio::Minio;
pub use part::{cache, find, skipped};
pub use toxiproxy::Toxiproxy;

/// The settings that make a client of a server: environment variables and their values.
pub type Environment = Vec<(String, String)>;

fn environment<const N: usize>(settings: [(&str, &str); N]) -> Environment {
    settings
        .map(|(key, value)| (key.to_owned(), value.to_owned()))
        .to_vec()
}

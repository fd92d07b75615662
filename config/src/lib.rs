//! Every knob of isobath, with unit, default and when to touch it.
//!
//! Depends on nothing else of isobath; the other crates are handed the section that concerns them.
//! Settings come, later ones winning, from the defaults, a TOML file, `ISOBATH_SECTION__KEY`
//! variables and the command line; [`Config::validate`] then names every problem at once.

mod audit;
mod cache;
mod cluster;
mod config;
mod error;
mod fold;
mod gc;
mod hidden;
mod index;
mod load;
mod log;
mod problems;
mod replicate;
mod role;
mod search;
mod server;
mod sql;
mod store;
mod tls;
mod traces;

pub use audit::AuditConfig;
pub use cache::CacheConfig;
pub use cluster::{Away, ClusterConfig, HomeConfig, RegionConfig, Replication};
pub use config::Config;
pub use error::ConfigError;
pub use fold::FoldConfig;
pub use gc::GcConfig;
pub use hidden::HiddenText;
pub use index::IndexConfig;
pub use load::Sources;
pub use log::LogConfig;
pub use problems::Problem;
pub use replicate::ReplicateConfig;
pub use role::Role;
pub use search::SearchConfig;
pub use server::ServerConfig;
pub use sql::SqlConfig;
pub use store::StoreConfig;
pub use tls::{TlsConfig, TlsVersion};
pub use traces::TracesConfig;

pub use bytesize::ByteSize;

//! [`Config`]: all settings of a process.

use crate::problems::Problems;
use crate::{
    AuditConfig, CacheConfig, ConfigError, FoldConfig, GcConfig, IndexConfig, LogConfig, Problem,
    ReplicateConfig, Role, SearchConfig, ServerConfig, SqlConfig, StoreConfig, TracesConfig,
};
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// All settings of a process.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The deployment site, 1 to 32 characters of a-z, 0-9 and '-'. Default `local`. It is part of
    /// every key of the log: choose it once.
    pub region: String,
    /// The region's bucket: a directory, `file:///dir`, `s3://bucket/prefix`, `gs://…`, `az://…` or
    /// `memory://name`. Default `isobath-data/bucket`.
    pub bucket: String,
    /// Where parts and indexes are kept for mapping; may be lost at any time, costs time only. Each
    /// process needs its own. Default `isobath-data/cache`.
    pub cache_dir: PathBuf,
    /// What this process does: write, query, index, compact, replicate. Default all.
    pub roles: Vec<Role>,
    /// The HTTP side.
    pub server: ServerConfig,
    /// How segments are written, followed and taken over.
    pub log: LogConfig,
    /// How the object store is talked to.
    pub store: StoreConfig,
    /// How much of the bucket is kept on the disk.
    pub cache: CacheConfig,
    /// When the log becomes parts, and parts become fewer.
    pub fold: FoldConfig,
    /// For how long what is not current any more is kept in the bucket.
    pub gc: GcConfig,
    /// How the logs of other regions are copied.
    pub replicate: ReplicateConfig,
    /// How indexes are built.
    pub index: IndexConfig,
    /// How queries are run.
    pub search: SearchConfig,
    /// How SQL statements are run.
    pub sql: SqlConfig,
    /// Records of who changed what.
    pub audit: AuditConfig,
    /// What became of single requests, for OpenTelemetry.
    pub traces: TracesConfig,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            region: "local".to_owned(),
            bucket: "isobath-data/bucket".to_owned(),
            cache_dir: PathBuf::from("isobath-data/cache"),
            roles: Role::ALL.to_vec(),
            server: ServerConfig::default(),
            log: LogConfig::default(),
            store: StoreConfig::default(),
            cache: CacheConfig::default(),
            fold: FoldConfig::default(),
            gc: GcConfig::default(),
            replicate: ReplicateConfig::default(),
            index: IndexConfig::default(),
            search: SearchConfig::default(),
            sql: SqlConfig::default(),
            audit: AuditConfig::default(),
            traces: TracesConfig::default(),
        }
    }
}

impl Config {
    /// Everything that is wrong with the settings, or nothing.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut found = Vec::new();
        self.check(&mut Problems::new("", &mut found));
        self.server.check(&mut Problems::new("server", &mut found));
        self.log.check(&mut Problems::new("log", &mut found));
        self.store.check(&mut Problems::new("store", &mut found));
        self.cache.check(&mut Problems::new("cache", &mut found));
        self.fold.check(&mut Problems::new("fold", &mut found));
        self.gc.check(&mut Problems::new("gc", &mut found));
        let replicate = &mut Problems::new("replicate", &mut found);
        self.replicate.check(replicate);
        self.index.check(&mut Problems::new("index", &mut found));
        self.search.check(&mut Problems::new("search", &mut found));
        self.sql.check(&mut Problems::new("sql", &mut found));
        self.audit.check(&mut Problems::new("audit", &mut found));
        self.traces.check(&mut Problems::new("traces", &mut found));
        if found.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Invalid(found))
    }

    /// The settings as a TOML file that reads back to the same.
    pub fn to_toml(&self) -> Result<String, ConfigError> {
        toml::to_string(self).map_err(ConfigError::Print)
    }

    fn check(&self, problems: &mut Problems<'_>) {
        let given = |text: &str| !text.trim().is_empty();
        let empty = || "is empty".to_owned();
        problems.need(given(&self.region), "region", empty);
        problems.need(given(&self.bucket), "bucket", empty);
        let cache = self.cache_dir.as_os_str().is_empty();
        problems.need(!cache, "cache_dir", empty);
        problems.need(!self.roles.is_empty(), "roles", empty);
    }
}

impl From<Problem> for ConfigError {
    fn from(problem: Problem) -> Self {
        Self::Invalid(vec![problem])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn should_accept_the_defaults() {
        Config::default().validate().unwrap();
    }

    #[test]
    fn should_name_every_problem_at_once() {
        let mut config = Config::default();
        config.region.clear();
        config.server.max_connections = 0;
        config.log.window = 0;
        config.log.tail_interval_idle = Duration::from_millis(1);
        config.index.recall_target = f32::NAN;
        config.index.bits = Some(3);
        let Err(ConfigError::Invalid(found)) = config.validate() else {
            panic!("accepted");
        };
        let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
        let expected = [
            "region",
            "server.max_connections",
            "log.window",
            "log.tail_interval_idle",
            "index.recall_target",
            "index.bits",
        ];
        assert_eq!(keys, expected);
        let text = ConfigError::Invalid(found).to_string();
        assert!(
            text.contains("log.window: 0 is not within 1 to 64"),
            "{text}"
        );
    }

    #[test]
    fn should_read_back_what_it_prints() {
        let mut config = Config::default();
        config.log.min_put_interval = Some(Duration::from_millis(1_500));
        config.roles = vec![Role::Query];
        let text = config.to_toml().unwrap();
        assert_eq!(toml::from_str::<Config>(&text).unwrap(), config, "{text}");
    }
}

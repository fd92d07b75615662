//! [`Sources`]: where settings come from, and how they become one [`Config`].

use crate::{Config, ConfigError};
use figment::{
    Figment, Metadata, Profile, Provider,
    providers::{Format, Serialized, Toml},
    value::{Dict, Map, Value},
};
use std::{fs, path::PathBuf};

/// What a variable must start with to be a setting.
const PREFIX: &str = "ISOBATH_";

/// Settings whose values are taken as text even if they look like a number or a list.
const TEXTS: [&str; 15] = [
    "region",
    "bucket",
    "cache_dir",
    "server.listen",
    "server.advertise",
    "server.node_secret",
    "server.tls.cert",
    "server.tls.key",
    "server.tls.ca",
    "server.tls.client_ca",
    "server.tls.min_version",
    "server.region_listen",
    "audit.bucket",
    "traces.endpoint",
    "traces.file",
];

/// Where settings come from; later ones win: the defaults, the file, the environment, the flags.
#[derive(Debug, Clone, Default)]
pub struct Sources {
    /// A TOML file.
    pub file: Option<PathBuf>,
    /// The environment; `ISOBATH_LOG__WINDOW` is `log.window`, anything else is left alone.
    pub environment: Vec<(String, String)>,
    /// Settings by `section.key`, as the command line gives them.
    pub flags: Vec<(String, String)>,
}

impl Sources {
    /// The settings, not yet validated.
    pub fn load(&self) -> Result<Config, ConfigError> {
        let mut figment = Figment::from(Serialized::defaults(Config::default()));
        if let Some(path) = &self.file {
            let text = fs::read_to_string(path).map_err(|source| ConfigError::Read {
                path: path.clone(),
                source,
            })?;
            let name = format!("file {}", path.display());
            figment = figment.merge(Named(name, Toml::string(&text)));
        }
        for (name, value) in &self.environment {
            if let Some(key) = setting(name) {
                figment = figment.merge(Single::new(format!("variable {name}"), key, value));
            }
        }
        for (key, value) in &self.flags {
            let name = format!("command line setting {key}");
            figment = figment.merge(Single::new(name, key.clone(), value));
        }
        figment
            .extract()
            .map_err(|error| ConfigError::Parse(Box::new(error)))
    }
}

/// The setting that a variable names. One without a section counts only where there is such a
/// setting, so that variables of the tools around isobath are not taken for one.
fn setting(variable: &str) -> Option<String> {
    const PLAIN: [&str; 4] = ["region", "bucket", "cache_dir", "roles"];
    let key = variable.strip_prefix(PREFIX)?.to_ascii_lowercase();
    let key = key.replace("__", ".");
    (key.contains('.') || PLAIN.contains(&key.as_str())).then_some(key)
}

/// One setting from outside a file.
struct Single {
    source: String,
    key: String,
    value: Value,
}

impl Single {
    fn new(source: String, key: String, text: &str) -> Self {
        let value = if TEXTS.contains(&key.as_str()) {
            Value::from(text)
        } else if key == "roles" {
            Value::from(text.split(',').map(str::trim).collect::<Vec<_>>())
        } else {
            text.parse().unwrap_or_else(|never| match never {})
        };
        Self { source, key, value }
    }
}

impl Provider for Single {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.source.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        let nested = figment::util::nest(&self.key, self.value.clone());
        let dict = nested.into_dict().unwrap_or_default();
        Ok(Profile::Default.collect(dict))
    }
}

/// A provider under a name of ours.
struct Named<P>(String, P);

impl<P: Provider> Provider for Named<P> {
    fn metadata(&self) -> Metadata {
        Metadata::named(self.0.clone())
    }

    fn data(&self) -> Result<Map<Profile, Dict>, figment::Error> {
        self.1.data()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ByteSize, Role};
    use std::{io::Write, time::Duration};

    fn pairs(list: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(a, b): &(&str, &str)| ((*a).to_owned(), (*b).to_owned());
        list.iter().map(own).collect()
    }

    #[test]
    fn should_let_later_sources_win() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        writeln!(
            file,
            "region = \"eu\"\n[log]\nwindow = 2\nheartbeat = \"3s\"\nmax_batch_bytes = \"1 MiB\""
        )
        .unwrap();
        let sources = Sources {
            file: Some(file.path().to_owned()),
            environment: pairs(&[("ISOBATH_LOG__WINDOW", "3"), ("ISOBATH_REGION", "007")]),
            flags: pairs(&[("log.window", "4"), ("roles", "query, index")]),
        };
        let config = sources.load().unwrap();
        assert_eq!(config.log.window, 4);
        assert_eq!(config.region, "007");
        assert_eq!(config.log.heartbeat, Duration::from_secs(3));
        assert_eq!(config.log.max_batch_bytes, ByteSize::mib(1));
        assert_eq!(config.roles, [Role::Query, Role::Index]);
        assert_eq!(config.log.ping_misses, 3);
    }

    #[test]
    fn should_name_an_unknown_setting_and_where_it_stands() {
        let sources = Sources {
            environment: pairs(&[("ISOBATH_LOG__WINDWO", "3"), ("ISOBATH_TOOLS", "/x")]),
            ..Sources::default()
        };
        let Err(ConfigError::Parse(error)) = sources.load() else {
            panic!("accepted");
        };
        let text = error.to_string();
        assert!(text.contains("windwo"), "{text}");
        assert!(text.contains("ISOBATH_LOG__WINDWO"), "{text}");
    }

    #[test]
    fn should_name_a_value_of_the_wrong_type() {
        let sources = Sources {
            flags: pairs(&[("log.heartbeat", "soon")]),
            ..Sources::default()
        };
        let Err(ConfigError::Parse(error)) = sources.load() else {
            panic!("accepted");
        };
        assert!(error.to_string().contains("log.heartbeat"), "{error}");
    }
}

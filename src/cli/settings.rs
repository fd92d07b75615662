//! [`SettingsArgs`]: the flags that choose the settings, for every command that needs them.

use isobath_config::{Config, ConfigError, Problem, Sources};
use isobath_storage::model::Region;
use std::path::PathBuf;

/// The flags that choose the settings.
#[derive(Debug, Clone, Default, clap::Args)]
pub(crate) struct SettingsArgs {
    /// A TOML file with settings.
    #[arg(long, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// The region's name.
    #[arg(long)]
    pub(crate) region: Option<String>,
    /// The region's bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`, `memory://name`.
    #[arg(long, value_name = "URL")]
    pub(crate) bucket: Option<String>,
    /// Where parts and indexes are kept; may be lost at any time.
    #[arg(long, value_name = "DIR")]
    pub(crate) cache: Option<String>,
    /// Address and port to listen on; port 0 takes a free one.
    #[arg(long, value_name = "ADDR")]
    pub(crate) listen: Option<String>,
    /// Address and port to listen on for SQL by PostgreSQL's protocol.
    #[arg(long, value_name = "ADDR")]
    pub(crate) pg: Option<String>,
    /// A PEM file with the server's certificate, for HTTPS.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_cert: Option<String>,
    /// A PEM file with the certificate's private key.
    #[arg(long, value_name = "FILE")]
    pub(crate) tls_key: Option<String>,
    /// What this process does, comma-separated: write, query, index, compact, replicate.
    #[arg(long)]
    pub(crate) roles: Option<String>,
    /// Any other setting; see `isobath config print`.
    #[arg(long = "set", value_name = "SECTION.KEY=VALUE", value_parser = pair)]
    pub(crate) set: Vec<(String, String)>,
}

impl SettingsArgs {
    /// The valid settings from the defaults, the file, the environment and these flags.
    pub(crate) fn load(&self) -> Result<Config, ConfigError> {
        let config = self.load_unchecked()?;
        check(&config)?;
        Ok(config)
    }

    /// The settings, whatever they are.
    pub(crate) fn load_unchecked(&self) -> Result<Config, ConfigError> {
        let named = [
            ("region", &self.region),
            ("bucket", &self.bucket),
            ("cache_dir", &self.cache),
            ("server.listen", &self.listen),
            ("sql.listen", &self.pg),
            ("server.tls.cert", &self.tls_cert),
            ("server.tls.key", &self.tls_key),
            ("roles", &self.roles),
        ];
        let own = |(key, value): (&str, &Option<String>)| Some((key.to_owned(), value.clone()?));
        let mut flags = self.set.clone();
        flags.extend(named.into_iter().filter_map(own));
        let sources = Sources {
            file: self.config.clone(),
            environment: environment(),
            flags,
        };
        sources.load()
    }
}

/// The variables of the process that are text.
pub(super) fn environment() -> Vec<(String, String)> {
    std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect()
}

/// Checks the settings, the names in them included.
fn check(config: &Config) -> Result<(), ConfigError> {
    let mut found = match config.validate() {
        Ok(()) => Vec::new(),
        Err(ConfigError::Invalid(found)) => found,
        Err(other) => return Err(other),
    };
    if let Err(fault) = config.region.parse::<Region>() {
        found.retain(|problem| problem.key != "region");
        found.push(Problem {
            key: "region".to_owned(),
            fault: fault.to_string(),
        });
    }
    if found.is_empty() {
        return Ok(());
    }
    Err(ConfigError::Invalid(found))
}

/// Splits `key=value`.
pub(super) fn pair(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or("expected SECTION.KEY=VALUE")?;
    Ok((key.trim().to_owned(), value.trim().to_owned()))
}

//! [`ClusterConfig`]: the regions of a cluster and how each is reached, from a file that all of them share.

use crate::{ConfigError, problems::Problems};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The most regions of a cluster: as many logs as a token names.
const MAX_REGIONS: usize = 64;
/// The longest name of a region.
const MAX_NAME: usize = 32;
/// What endpoints of the clouds are called in their variables, by the scheme of the bucket.
const ENDPOINTS: [(&str, &str); 4] = [
    ("s3", "AWS_ENDPOINT"),
    ("gs", "GOOGLE_BASE_URL"),
    ("az", "AZURE_ENDPOINT"),
    ("azure", "AZURE_ENDPOINT"),
];

/// The regions of a cluster: the file of `--cluster`, in TOML or JSON with the same keys.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClusterConfig {
    /// The regions. The first is the home of all namespaces that no entry of `home` names.
    #[serde(default)]
    pub region: Vec<RegionConfig>,
    /// Which region is the home of which namespaces; the longest prefix that fits counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub home: Vec<HomeConfig>,
    /// What a region does with a conditional or by-filter write of a namespace whose home is another.
    #[serde(default)]
    pub away: Away,
}

/// One region of a cluster.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RegionConfig {
    /// Its name: 1 to 32 characters of a-z, 0-9 and '-'. It is part of every key of its log.
    pub name: String,
    /// Its bucket: a directory, `s3://bucket/prefix`, `gs://…`, `az://…`.
    pub bucket: String,
    /// Where the store of the bucket is reached, if not at its cloud's own address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// Variables that start with this count for this bucket without it: with `EUW1_`, `EUW1_AWS_ACCESS_KEY_ID` is its
    /// `AWS_ACCESS_KEY_ID`. Credentials stand nowhere else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub env_prefix: Option<String>,
    /// Where its nodes answer those of the other regions, as `host:port` or a URL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<String>,
    /// How the logs of the other regions come into its bucket.
    #[serde(default)]
    pub replication: Replication,
}

/// How the logs of other regions come into a bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Replication {
    /// Nodes of the region copy them.
    #[default]
    Relay,
    /// The stores replicate `log/` between each other; nodes only copy what stays missing.
    Managed,
}

/// The home of the namespaces whose names start with a prefix.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HomeConfig {
    /// What their names start with.
    pub prefix: String,
    /// The region.
    pub region: String,
}

/// What a region does with a write that only the home of its namespace may resolve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Away {
    /// Sends it there.
    #[default]
    Forward,
    /// Refuses it.
    Refuse,
}

impl ClusterConfig {
    /// The cluster that `text` describes, in TOML or, where it begins with a brace, in JSON; valid in itself.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let read: Self = if text.trim_start().starts_with('{') {
            serde_json::from_str(text).map_err(ConfigError::Json)?
        } else {
            toml::from_str(text).map_err(ConfigError::Toml)?
        };
        read.validate()?;
        Ok(read)
    }

    /// The region of this name.
    pub fn get(&self, name: &str) -> Option<&RegionConfig> {
        self.region.iter().find(|region| region.name == name)
    }

    /// Everything that is wrong with it, or nothing.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let mut found = Vec::new();
        let mut problems = Problems::new("", &mut found);
        problems.range("region", self.region.len(), 1, MAX_REGIONS);
        let (mut names, mut buckets) = (BTreeSet::new(), BTreeSet::new());
        for (at, region) in self.region.iter().enumerate() {
            let key = |field: &str| format!("region[{at}].{field}");
            region.check(&key, &mut problems);
            let again = |what| move || format!("another region has this {what}, too");
            problems.need(names.insert(&region.name), &key("name"), again("name"));
            let place = (
                region.endpoint.as_deref(),
                region.bucket.trim_end_matches('/'),
            );
            problems.need(buckets.insert(place), &key("bucket"), again("bucket"));
            problems.need(
                self.region.len() == 1 || region.address.is_some(),
                &key("address"),
                || "is needed where there are several regions".to_owned(),
            );
        }
        let mut prefixes = BTreeSet::new();
        for (at, home) in self.home.iter().enumerate() {
            let key = |field: &str| format!("home[{at}].{field}");
            problems.need(prefixes.insert(&home.prefix), &key("prefix"), || {
                "another home has this prefix, too".to_owned()
            });
            problems.need(names.contains(&home.region), &key("region"), || {
                format!("there is no region {:?}", home.region)
            });
        }
        if found.is_empty() {
            return Ok(());
        }
        Err(ConfigError::Invalid(found))
    }
}

impl RegionConfig {
    fn check(&self, key: &impl Fn(&str) -> String, problems: &mut Problems<'_>) {
        let name = self.name.as_bytes();
        let letter = |b: &u8| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let dashed = name.first() == Some(&b'-') || name.last() == Some(&b'-');
        let fits = (1..=MAX_NAME).contains(&name.len()) && name.iter().all(letter) && !dashed;
        problems.need(fits, &key("name"), || {
            "expected 1 to 32 characters of a-z, 0-9 and '-', no '-' at either end".to_owned()
        });
        problems.need(!self.bucket.trim().is_empty(), &key("bucket"), || {
            "is empty".to_owned()
        });
        if let Some(endpoint) = &self.endpoint {
            let url = endpoint.starts_with("http://") || endpoint.starts_with("https://");
            problems.need(url, &key("endpoint"), || {
                "expected a URL that starts with http:// or https://".to_owned()
            });
            problems.need(self.endpoint_variable().is_some(), &key("endpoint"), || {
                "only buckets of s3, gs and az have one".to_owned()
            });
        }
        if let Some(prefix) = &self.env_prefix {
            let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            let fits = !prefix.is_empty() && prefix.bytes().all(plain);
            problems.need(fits, &key("env_prefix"), || {
                "expected letters, digits and '_'".to_owned()
            });
        }
        if let Some(address) = &self.address {
            let bare = address
                .split_once("://")
                .map_or(&**address, |(_, rest)| rest);
            let fits = !bare.is_empty() && !bare.contains(char::is_whitespace);
            problems.need(fits, &key("address"), || {
                "expected host:port or a URL".to_owned()
            });
        }
    }

    fn endpoint_variable(&self) -> Option<&'static str> {
        let (scheme, _) = self.bucket.split_once("://")?;
        let found = ENDPOINTS.iter().find(|(of, _)| *of == scheme);
        found.map(|(_, variable)| *variable)
    }

    /// The variables of `environment` as they count for this bucket.
    pub fn environment(&self, environment: &[(String, String)]) -> Vec<(String, String)> {
        let mut own: BTreeMap<String, String> = environment.iter().cloned().collect();
        if let Some(prefix) = &self.env_prefix {
            for (name, value) in environment {
                if let Some(bare) = name.strip_prefix(prefix.as_str()) {
                    own.insert(bare.to_owned(), value.clone());
                }
            }
        }
        if let (Some(endpoint), Some(variable)) = (&self.endpoint, self.endpoint_variable()) {
            own.insert(variable.to_owned(), endpoint.clone());
        }
        own.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const THREE: &str = r#"
        away = "refuse"
        [[region]]
        name = "use1"
        bucket = "s3://isobath-use1/prod"
        endpoint = "http://127.0.0.1:9000"
        env_prefix = "USE1_"
        address = "10.0.0.1:7750"
        [[region]]
        name = "euw1"
        bucket = "gs://isobath-euw1"
        address = "https://euw1.example.com"
        replication = "managed"
        [[home]]
        prefix = "eu-"
        region = "euw1"
    "#;

    #[test]
    fn should_read_the_same_from_toml_and_json() {
        let read = ClusterConfig::parse(THREE).unwrap();
        assert_eq!(read.get("euw1").unwrap().replication, Replication::Managed);
        assert_eq!(read.away, Away::Refuse);
        let json = serde_json::to_string(&read).unwrap();
        assert_eq!(ClusterConfig::parse(&json).unwrap(), read);
        let key = ClusterConfig::parse("{\"regoin\": []}").unwrap_err();
        assert!(crate_text(&key).contains("regoin"), "{key:?}");
    }

    fn crate_text(error: &dyn std::error::Error) -> String {
        let cause = error.source().map(crate_text).unwrap_or_default();
        format!("{error} {cause}")
    }

    #[test]
    fn should_name_all_problems_at_once() {
        let text = r#"
            [[region]]
            name = "US"
            bucket = "dir"
            endpoint = "ftp"
            [[region]]
            name = "US"
            bucket = " "
            address = "a b"
            [[home]]
            prefix = ""
            region = "mars"
        "#;
        let Err(ConfigError::Invalid(found)) = ClusterConfig::parse(text) else {
            panic!("accepted");
        };
        let keys: Vec<&str> = found.iter().map(|problem| problem.key.as_str()).collect();
        let expected = [
            "region[0].name",
            "region[0].endpoint",
            "region[0].endpoint",
            "region[0].address",
            "region[1].name",
            "region[1].bucket",
            "region[1].address",
            "region[1].name",
            "home[0].region",
        ];
        assert_eq!(keys, expected);
        assert!(ClusterConfig::parse("").is_err());
    }

    #[test]
    fn should_give_each_bucket_its_own_variables() {
        let cluster = ClusterConfig::parse(THREE).unwrap();
        let all = [
            ("AWS_REGION", "x"),
            ("USE1_AWS_REGION", "us-east-1"),
            ("HOME", "/"),
        ];
        let all: Vec<_> = all.map(|(a, b)| (a.to_owned(), b.to_owned())).into();
        let of = |region: &str, name: &str| {
            let own = cluster.get(region).unwrap().environment(&all);
            own.into_iter()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value)
        };
        assert_eq!(of("use1", "AWS_REGION").as_deref(), Some("us-east-1"));
        assert_eq!(
            of("use1", "AWS_ENDPOINT").as_deref(),
            Some("http://127.0.0.1:9000")
        );
        assert_eq!(of("euw1", "AWS_REGION").as_deref(), Some("x"));
        assert_eq!(of("euw1", "AWS_ENDPOINT"), None);
    }
}

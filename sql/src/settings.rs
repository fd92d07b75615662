//! [`Settings`]: what `SET` says, for one session.

use crate::{Freshness, SqlError, plan::SearchOptions};
use std::time::Duration;

/// How long a statement waits for its token.
const TOKEN_WAIT: Duration = Duration::from_secs(10);
/// The most rows that the index can be asked for.
const MAX_K: usize = 1_000_000;

/// The longest list that `isobath.search_l` may ask of index searches.
const MAX_SEARCH_L: usize = 100_000;

/// What `SET` says, for one session.
#[derive(Debug, Clone)]
pub struct Settings {
    pub(crate) search: SearchOptions,
    /// How fresh reads are.
    pub freshness: Freshness,
    /// How long a statement may take; `None` = as long as any may.
    pub timeout: Option<Duration>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            search: SearchOptions::default(),
            freshness: Freshness {
                strong: true,
                token: None,
                wait: TOKEN_WAIT,
            },
            timeout: None,
        }
    }
}

/// Settings of PostgreSQL that change nothing here, with the only values that they may have.
const FIXED: [(&str, &[&str], &str); 12] = [
    ("client_encoding", &["utf8", "utf-8", "unicode"], "UTF8"),
    ("datestyle", &["iso", "iso, mdy", "iso,mdy"], "ISO, MDY"),
    ("timezone", &["utc", "etc/utc", "gmt"], "UTC"),
    ("standard_conforming_strings", &["on", "true"], "on"),
    ("bytea_output", &["hex"], "hex"),
    ("intervalstyle", &["postgres", "iso_8601"], "postgres"),
    ("integer_datetimes", &["on"], "on"),
    ("server_encoding", &["utf8"], "UTF8"),
    (
        "default_transaction_isolation",
        &["read committed"],
        "read committed",
    ),
    (
        "transaction_isolation",
        &["read committed"],
        "read committed",
    ),
    ("server_version", &[], "15.0"),
    (
        "search_path",
        &["public", "\"$user\", public", "$user, public"],
        "public",
    ),
];

/// Settings of PostgreSQL that only name something or ask for nothing that is here.
const IGNORED: [&str; 4] = [
    "application_name",
    "extra_float_digits",
    "client_min_messages",
    "lock_timeout",
];

impl Settings {
    /// Sets one; `value` is `None` for its default.
    pub fn set(&mut self, name: &str, value: Option<&str>) -> Result<(), SqlError> {
        let name = name.to_ascii_lowercase();
        let default = Self::default();
        let bad = |expected: &str| {
            let value = value.unwrap_or_default();
            let said = format!("{name} cannot be set to {value:?}: expected {expected}");
            SqlError::invalid(said).with_code("22023")
        };
        let search = &mut self.search;
        match (name.as_str(), value) {
            ("isobath.search_mode", Some(mode @ ("auto" | "exact"))) => {
                mode.clone_into(&mut search.search_mode);
            }
            ("isobath.search_mode", None) => search.search_mode = default.search.search_mode,
            ("isobath.search_mode", _) => return Err(bad("auto or exact")),
            ("isobath.recall_target", value) => {
                let target = value.map_or(Ok(0.0), str::parse::<f64>);
                let target = target.ok().filter(|target| (0.0..=1.0).contains(target));
                search.recall_target = target.ok_or_else(|| bad("a share from 0 to 1"))?;
            }
            ("isobath.max_k", None) => search.max_k = default.search.max_k,
            ("isobath.max_k", Some(most)) => {
                let most = most.parse().ok().filter(|most| *most <= MAX_K);
                search.max_k = most.ok_or_else(|| bad("a number of rows up to 1000000"))?;
            }
            ("isobath.consistency", None | Some("strong")) => self.freshness.strong = true,
            ("isobath.consistency", Some("eventual")) => self.freshness.strong = false,
            ("isobath.consistency", _) => return Err(bad("strong or eventual")),
            ("isobath.token", None | Some("")) => self.freshness.token = None,
            ("isobath.token", Some(token)) => {
                let token = token.parse().map_err(|_| bad("a token of an answer"))?;
                self.freshness.token = Some(token);
            }
            ("isobath.search_l", value) => {
                let list = value.unwrap_or("0").parse().ok();
                let list = list.filter(|list| *list <= MAX_SEARCH_L);
                let wanted = "the length of a search list up to 100000, or 0";
                search.search_l = list.ok_or_else(|| bad(wanted))?;
            }
            ("statement_timeout", value) => {
                let time = duration(value.unwrap_or("0")).ok_or_else(|| bad("a time"))?;
                self.timeout = Some(time).filter(|time| !time.is_zero());
            }
            (known, _) if IGNORED.contains(&known) => {}
            (other, value) => return set_fixed(other, value),
        }
        Ok(())
    }

    /// The value of one, as `SHOW` says it.
    pub fn show(&self, name: &str) -> Result<String, SqlError> {
        let name = name.to_ascii_lowercase();
        Ok(match name.as_str() {
            "isobath.search_mode" => self.search.search_mode.clone(),
            "isobath.recall_target" => self.search.recall_target.to_string(),
            "isobath.search_l" => self.search.search_l.to_string(),
            "isobath.max_k" => self.search.max_k.to_string(),
            "isobath.consistency" if self.freshness.strong => "strong".to_owned(),
            "isobath.consistency" => "eventual".to_owned(),
            "isobath.token" => {
                let token = self.freshness.token.as_ref();
                token.map_or_else(String::new, ToString::to_string)
            }
            "statement_timeout" => {
                let millis = self.timeout.map_or(0, |time| time.as_millis());
                format!("{millis}ms")
            }
            known if IGNORED.contains(&known) => String::new(),
            other => match FIXED.iter().find(|(known, ..)| *known == other) {
                Some((_, _, value)) => (*value).to_owned(),
                None => return Err(unknown(other)),
            },
        })
    }

    /// All at their defaults.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

fn set_fixed(name: &str, value: Option<&str>) -> Result<(), SqlError> {
    let Some((_, allowed, only)) = FIXED.iter().find(|(known, ..)| *known == name) else {
        return Err(unknown(name));
    };
    let fits = |value: &str| allowed.contains(&value.to_ascii_lowercase().as_str());
    if value.is_none_or(fits) {
        return Ok(());
    }
    let said = format!("{name} is always {only}");
    Err(SqlError::invalid(said).with_code("22023"))
}

fn unknown(name: &str) -> SqlError {
    SqlError::invalid(format!("unrecognized configuration parameter {name:?}")).with_code("42704")
}

/// A time as PostgreSQL writes it: milliseconds, or with a unit.
fn duration(text: &str) -> Option<Duration> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    let number: u64 = digits.trim().parse().ok()?;
    let millis = match text[digits.len()..].trim() {
        "" | "ms" => number,
        "s" => number.checked_mul(1_000)?,
        "min" => number.checked_mul(60_000)?,
        "h" => number.checked_mul(3_600_000)?,
        _ => return None,
    };
    Some(Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_say_what_it_was_told() {
        let mut settings = Settings::default();
        for (name, value, shown) in [
            ("isobath.search_mode", "exact", "exact"),
            ("ISOBATH.max_k", "5", "5"),
            ("isobath.search_l", "400", "400"),
            ("statement_timeout", "2s", "2000ms"),
            ("statement_timeout", "0", "0ms"),
            ("client_encoding", "utf-8", "UTF8"),
        ] {
            settings.set(name, Some(value)).unwrap();
            assert_eq!(settings.show(name).unwrap(), shown, "{name}");
        }
    }

    #[test]
    fn should_refuse_what_it_does_not_do() {
        let mut settings = Settings::default();
        for (name, value) in [
            ("isobath.search_mode", "fast"),
            ("isobath.search_l", "-1"),
            ("isobath.search_l", "100001"),
            ("isobath.recall_target", "2"),
            ("isobath.max_k", "99999999999"),
            ("isobath.token", "x"),
            ("isobath.nothing", "1"),
            ("timezone", "Europe/Zurich"),
            ("statement_timeout", "soon"),
        ] {
            assert!(settings.set(name, Some(value)).is_err(), "{name}");
        }
    }
}

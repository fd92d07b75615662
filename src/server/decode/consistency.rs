//! [`ConsistencyBody`]: how fresh a query's body wants its answer.

use super::Fault;
use crate::server::engine::Consistency;
use isobath_storage::model::Token;
use serde::{Deserialize, Deserializer, de::Error};
use std::time::Duration;

/// How stale an eventual read may be where the request does not say.
const MAX_STALENESS: Duration = Duration::from_mins(1);

/// How fresh a query's body wants its answer.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "struct Consistency")]
pub(crate) struct ConsistencyBody {
    level: Level,
    max_staleness_seconds: Option<f64>,
    token: Option<String>,
    wait_ms: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Level {
    Strong,
    Eventual,
    Token,
    NotYet(&'static str),
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let level = String::deserialize(deserializer)?;
        match level.as_str() {
            "strong" => Ok(Self::Strong),
            "eventual" => Ok(Self::Eventual),
            "token" => Ok(Self::Token),
            "quorum" => Ok(Self::NotYet("the level `quorum`")),
            "global" => Ok(Self::NotYet("the level `global`")),
            other => Err(D::Error::unknown_variant(other, &["strong", "eventual"])),
        }
    }
}

/// What a body asks for: a level, a token and how long to wait for it.
#[derive(Debug, Default)]
pub(crate) struct Freshness {
    pub(crate) consistency: Consistency,
    /// Checked where the request's other token is.
    pub(crate) token: Option<Token>,
    pub(crate) wait: Option<Duration>,
}

impl ConsistencyBody {
    /// What the body asks for.
    pub(crate) fn freshness(self) -> Result<Freshness, Fault> {
        let parse = |text: String| text.parse::<Token>();
        let token = self.token.map(parse).transpose();
        let token = token.map_err(|e| Fault::stale(e.to_string()).under("token"))?;
        let staleness = self.max_staleness_seconds.map(seconds).transpose()?;
        let consistency = match self.level {
            Level::Strong => Consistency::Strong,
            Level::Eventual => Consistency::Eventual {
                max_staleness: Some(staleness.unwrap_or(MAX_STALENESS)),
                everywhere: staleness.is_some(),
            },
            Level::Token if token.is_none() => {
                return Err(Fault::invalid("needed at level `token`").under("token"));
            }
            Level::Token => Consistency::Token,
            Level::NotYet(level) => return Err(Fault::not_yet(level)),
        };
        Ok(Freshness {
            consistency,
            token,
            wait: self.wait_ms.map(Duration::from_millis),
        })
    }
}

fn seconds(seconds: f64) -> Result<Duration, Fault> {
    Duration::try_from_secs_f64(seconds).map_err(|_| {
        Fault::invalid(format!("{seconds} is no number of seconds")).under("max_staleness_seconds")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Freshness, String> {
        let body: ConsistencyBody =
            serde_json::from_str(json).map_err(|e| Fault::of_json(&e).to_string())?;
        body.freshness().map_err(|fault| fault.to_string())
    }

    #[test]
    fn should_answer_in_the_words_that_clients_know() {
        let fault = read(r#""eventual""#).unwrap_err();
        assert_eq!(
            fault,
            "invalid type: string \"eventual\", expected struct Consistency"
        );
        let fault = read(r#"{"level":"x"}"#).unwrap_err();
        assert_eq!(
            fault,
            "unknown variant `x`, expected `strong` or `eventual`"
        );
        let fault = read(r#"{"level":"quorum"}"#).unwrap_err();
        assert_eq!(fault, "the level `quorum` is not supported yet");
    }

    #[test]
    fn should_read_levels() {
        let read = |json| read(json).unwrap().consistency;
        assert_eq!(read(r#"{"level":"strong"}"#), Consistency::Strong);
        let eventual = |seconds, everywhere| Consistency::Eventual {
            max_staleness: Some(Duration::from_secs(seconds)),
            everywhere,
        };
        assert_eq!(read(r#"{"level":"eventual"}"#), eventual(60, false));
        assert_eq!(
            read(r#"{"level":"eventual","max_staleness_seconds":5}"#),
            eventual(5, true)
        );
    }

    #[test]
    fn should_refuse_what_makes_no_sense() {
        assert!(read(r#"{"level":"token"}"#).is_err());
        assert!(read(r#"{"level":"token","token":"x"}"#).is_err());
        assert!(read(r#"{"level":"eventual","max_staleness_seconds":-1}"#).is_err());
    }
}

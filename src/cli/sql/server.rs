//! [`Server`]: `POST /v2/sql`, with what was set so far.

use super::super::{
    chance,
    client::{Client, Request},
};
use serde::Deserialize;
use serde_json::{json, value::RawValue};
use std::collections::BTreeMap;
use url::Url;

/// A server, and what its statements are run with.
pub(super) struct Server {
    client: Client,
    /// What `SET` said.
    settings: BTreeMap<String, String>,
}

/// What became of a statement.
#[derive(Debug)]
pub(super) enum Done {
    /// It gave rows; columns are (name, type).
    Rows {
        columns: Vec<(String, String)>,
        rows: Vec<Box<RawValue>>,
    },
    /// It gave none.
    Command(String),
}

#[derive(Debug, Deserialize)]
struct Answer {
    columns: Vec<Column>,
    rows: Vec<Box<RawValue>>,
    command: Option<String>,
    rows_affected: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct Column {
    name: String,
    #[serde(rename = "type")]
    ty: String,
}

impl Server {
    pub(super) fn new(client: Client) -> Self {
        let settings = BTreeMap::new();
        Self { client, settings }
    }

    /// Where it is.
    pub(super) fn url(&self) -> &Url {
        self.client.url()
    }

    /// Runs one statement. `SET` and `RESET` are kept here, once the server has taken them.
    pub(super) async fn run(&mut self, statement: &str) -> anyhow::Result<Done> {
        match setting(statement) {
            Some(Setting::Set(name, value)) => {
                let mut settings = self.settings.clone();
                settings.insert(name.clone(), value);
                self.send(&format!("SHOW {name}"), &settings).await?;
                self.settings = settings;
                Ok(Done::Command("SET".to_owned()))
            }
            Some(Setting::Reset(name)) => {
                match name {
                    Some(name) => drop(self.settings.remove(&name)),
                    None => self.settings.clear(),
                }
                Ok(Done::Command("RESET".to_owned()))
            }
            None => {
                let answer = self.send(statement, &self.settings).await?;
                Ok(done(answer))
            }
        }
    }

    async fn send(&self, sql: &str, settings: &BTreeMap<String, String>) -> anyhow::Result<Answer> {
        let body = json!({"sql": sql, "settings": settings}).to_string();
        let request = Request {
            // what is sent again under one key is carried out once
            idempotency_key: Some(chance::fresh_id()?.to_string()),
            ..Request::post("/v2/sql", body)
        };
        Ok(self.client.send(&request).await?)
    }
}

fn done(answer: Answer) -> Done {
    match (answer.command, answer.rows_affected) {
        (Some(command), Some(rows)) => Done::Command(format!("{command} {rows}")),
        (Some(command), None) => Done::Command(command),
        (None, _) => Done::Rows {
            columns: answer.columns.into_iter().map(|c| (c.name, c.ty)).collect(),
            rows: answer.rows,
        },
    }
}

#[derive(Debug, PartialEq)]
enum Setting {
    Set(String, String),
    /// One, or all.
    Reset(Option<String>),
}

/// What a statement sets, where it does.
fn setting(statement: &str) -> Option<Setting> {
    let (word, rest) = statement.trim().split_once(char::is_whitespace)?;
    let rest = rest.trim();
    if word.eq_ignore_ascii_case("reset") {
        let all = rest.eq_ignore_ascii_case("all");
        return Some(Setting::Reset((!all).then(|| rest.to_ascii_lowercase())));
    }
    if !word.eq_ignore_ascii_case("set") {
        return None;
    }
    let (name, value) = match rest.split_once('=') {
        Some(parts) => parts,
        None => rest
            .split_once(" to ")
            .or_else(|| rest.split_once(" TO "))?,
    };
    let (name, value) = (name.trim().to_ascii_lowercase(), value.trim());
    let value = value
        .strip_prefix('\'')
        .and_then(|value| value.strip_suffix('\''))
        .unwrap_or(value);
    if value.eq_ignore_ascii_case("default") {
        return Some(Setting::Reset(Some(name)));
    }
    Some(Setting::Set(name, value.replace("''", "'")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_understand_settings() {
        let set = |name: &str, value: &str| Some(Setting::Set(name.to_owned(), value.to_owned()));
        assert_eq!(setting("SET isobath.max_k = 5"), set("isobath.max_k", "5"));
        assert_eq!(setting("set a TO 'it''s'"), set("a", "it's"));
        assert_eq!(
            setting("SET a = DEFAULT"),
            Some(Setting::Reset(Some("a".to_owned())))
        );
        assert_eq!(setting("RESET ALL"), Some(Setting::Reset(None)));
        assert_eq!(setting("SELECT 1"), None);
    }
}

//! [`Plan`]: what is imported into which namespace, and how it is cut.

use super::{
    super::{
        client::{self, Client, Request},
        failure::Usage,
    },
    batch::WriteShape,
    columns::Naming,
    journal::{self, Identity, Journal},
    send::{Sent, Task},
    source::{Format, Source},
};
use anyhow::Context as _;
use indicatif::{ProgressBar, ProgressStyle};
use isobath_storage::{
    Clock,
    model::{Metric, Namespace},
};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

/// What is imported into which namespace, and how it is cut.
#[derive(Debug, Clone)]
pub(crate) struct Plan {
    /// The namespace.
    pub(crate) namespace: Namespace,
    /// The files' format; told by their first bytes when not given.
    pub(super) format: Option<Format>,
    /// Which columns are what.
    pub(super) naming: Naming,
    /// The metric of vectors that are new to the namespace.
    pub(super) metric: Metric,
    /// Rows a request.
    pub(super) batch_rows: usize,
    /// Requests at a time.
    pub(super) in_flight: usize,
    /// Where journals are kept.
    pub(crate) journal: PathBuf,
}

impl Plan {
    /// Columns by their usual names, with the journal in `journal`.
    pub(crate) fn usual(namespace: Namespace, journal: PathBuf) -> Self {
        Self {
            namespace,
            format: None,
            naming: Naming {
                id: "id".to_owned(),
                vectors: Vec::new(),
                exclude: Vec::new(),
            },
            metric: Metric::CosineDistance,
            batch_rows: 5_000,
            in_flight: 4,
            journal,
        }
    }

    /// Imports one file.
    pub(crate) async fn import(
        &self,
        client: &Client,
        path: &Path,
        clock: &dyn Clock,
    ) -> anyhow::Result<Sent> {
        let source = Source::open(path, self.format, self.batch_rows)?;
        check_names(&self.naming, source.names.as_deref())?;
        let identity = Identity {
            url: client.url().to_string(),
            namespace: self.namespace.to_string(),
            file: journal::fingerprint(path)?,
            batch_rows: self.batch_rows,
            columns: columns_key(&self.naming),
        };
        let journal = Journal::open(&self.journal, &identity, clock)
            .with_context(|| format!("cannot open the journal in {}", self.journal.display()))?;
        let bar = progress(path, source.rows);
        bar.set_position(journal.rows());
        let name = client::segment(self.namespace.as_str());
        let task = Task {
            client: client.clone(),
            path: format!("/v2/namespaces/{name}"),
            shape: self.shape(client).await?,
            naming: self.naming.clone(),
            in_flight: self.in_flight,
            bar: bar.clone(),
        };
        let sent = task.run(source, journal).await;
        bar.finish_and_clear();
        sent
    }

    /// What the namespace knows already, which the requests then need not say.
    async fn shape(&self, client: &Client) -> anyhow::Result<WriteShape> {
        let name = client::segment(self.namespace.as_str());
        let path = format!("/v1/namespaces/{name}/schema");
        let schema: BTreeMap<String, Value> = match client.send(&Request::get(path)).await {
            Ok(schema) => schema,
            Err(error) if error.is_not_found() => BTreeMap::new(),
            Err(error) => return Err(error.into()),
        };
        let vectors = schema.values().any(is_vector);
        Ok(WriteShape {
            known: schema.into_keys().collect(),
            metric: (!vectors).then_some(self.metric),
        })
    }
}

/// Whether an attribute of a schema is a vector: `[384]f32`, not `[]string`.
fn is_vector(config: &Value) -> bool {
    let kind = config.get("type").unwrap_or(config).as_str();
    let dim = kind.and_then(|kind| kind.strip_prefix('['));
    dim.is_some_and(|dim| dim.starts_with(|c: char| c.is_ascii_digit()))
}

/// Refuses column names that a file does not have.
fn check_names(naming: &Naming, names: Option<&[String]>) -> Result<(), Usage> {
    let Some(names) = names else {
        return Ok(());
    };
    let asked = naming
        .vectors
        .iter()
        .chain(&naming.exclude)
        .chain([&naming.id]);
    for name in asked {
        if !names.contains(name) {
            let has = names.join(", ");
            return Err(Usage(format!(
                "there is no column `{name}`; the file has {has}"
            )));
        }
    }
    Ok(())
}

/// The columns' use as a list that tells one import from another.
fn columns_key(naming: &Naming) -> Vec<String> {
    let vectors = naming.vectors.iter().map(|name| format!("vector {name}"));
    let excluded = naming.exclude.iter().map(|name| format!("exclude {name}"));
    let id = format!("id {}", naming.id);
    vectors.chain(excluded).chain([id]).collect()
}

/// A progress bar on stderr; hidden where that is no terminal.
fn progress(path: &Path, rows: Option<u64>) -> ProgressBar {
    let name = path
        .file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned();
    let (bar, template) = match rows {
        Some(rows) => (
            ProgressBar::new(rows),
            "{msg} {wide_bar} {human_pos} of {human_len} rows, {per_sec}, {eta} left",
        ),
        None => (
            ProgressBar::new_spinner(),
            "{msg} {spinner} {human_pos} rows, {per_sec}",
        ),
    };
    let style = ProgressStyle::with_template(template);
    bar.with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
        .with_message(name)
}

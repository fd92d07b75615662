//! `isobath export`: the rows of a namespace into a file, over HTTP.

mod output;
mod table;

use super::client::{self, Client, Request, ServerArgs};
use anyhow::Context as _;
use isobath_storage::{Clock, SystemClock, model::Namespace};
use output::{Format, Output};
use serde::Deserialize;
use serde_json::{Value, json, value::RawValue};
use std::{path::PathBuf, sync::Arc};

/// Writes the rows of a namespace to a file, by id.
///
/// The pages are read one after the other, each with strong consistency: writes in the meantime are
/// seen where they concern ids that are still to come.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The namespace.
    namespace: Namespace,
    #[command(flatten)]
    server: ServerArgs,
    /// The format.
    #[arg(long, value_enum, default_value = "jsonl")]
    format: Format,
    /// The file; it appears when it is complete. Default: standard output.
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
    /// Rows a request.
    #[arg(long, default_value_t = 2_000, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    page_rows: u32,
}

/// An answered query.
#[derive(Debug, Deserialize)]
struct Page {
    #[serde(default)]
    rows: Vec<Box<RawValue>>,
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let client = args.server.client(clock)?;
    let name = client::segment(args.namespace.as_str());
    let schema: serde_json::Map<String, Value> = client
        .send(&Request::get(format!("/v1/namespaces/{name}/schema")))
        .await
        .with_context(|| format!("cannot export {}", args.namespace))?;
    let page_rows = args.page_rows as usize;
    let mut output = Output::create(args.format, args.output.as_deref(), &schema, page_rows)?;
    let mut after = None;
    loop {
        let page = page(&client, &name, args.page_rows, after.as_ref()).await?;
        let Some(last) = page.rows.last() else {
            break;
        };
        after = Some(id(last)?);
        output.write(&page.rows)?;
        if page.rows.len() < page_rows {
            break;
        }
    }
    output.finish()
}

/// The rows after an id.
async fn page(
    client: &Client,
    name: &str,
    rows: u32,
    after: Option<&Value>,
) -> anyhow::Result<Page> {
    let mut query = json!({
        "rank_by": ["id", "asc"],
        "limit": rows,
        "include_attributes": true,
    });
    if let Some(id) = after {
        query["filters"] = json!(["id", "Gt", id]);
    }
    let path = format!("/v2/namespaces/{name}/query");
    Ok(client.send(&Request::post(path, query.to_string())).await?)
}

/// The id of a row.
fn id(row: &RawValue) -> anyhow::Result<Value> {
    #[derive(Deserialize)]
    struct Row {
        id: Value,
    }
    let row: Row = serde_json::from_str(row.get()).context("a row has no id")?;
    Ok(row.id)
}

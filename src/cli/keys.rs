//! `isobath keys`: makes, lists and revokes API keys.

use super::{
    chance,
    client::{self, Client, Request, ServerArgs},
    inspect::table,
};
use anyhow::Context as _;
use clap::Subcommand;
use isobath::server::keys::{Access, Secret};
use isobath_storage::{Clock, SystemClock, model::format_datetime};
use reqwest::Method;
use serde_json::{Value, json};
use std::{
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

/// Where keys are administered.
const PATH: &str = "/admin/v1/keys";

/// Makes, lists and revokes API keys.
///
/// The first key is made on the machine of a server that listens on a loopback address; from then on every
/// request needs one, this command's as well.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Makes a key and prints it. Nobody can print it again: the server gets to know its hash only.
    Create {
        /// What the key is called.
        #[arg(long, default_value = "")]
        name: String,
        /// What the names of the namespaces begin with that it is for; all where it is empty.
        #[arg(long, default_value = "")]
        prefix: String,
        /// What it allows there: read, write (and read), admin (and make keys of the same scope).
        #[arg(long, default_value = "write", value_parser = access)]
        access: Access,
        /// How long it is accepted, as `90d`; for ever where this is not given.
        #[arg(long, value_name = "TIME", value_parser = humantime::parse_duration)]
        expires: Option<Duration>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Lists the keys: who may do what, not the keys themselves.
    List {
        /// Prints JSON.
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Makes a key worthless, on every node within seconds.
    Revoke {
        /// The key's id, as `list` prints it.
        id: String,
        #[command(flatten)]
        server: ServerArgs,
    },
}

fn access(text: &str) -> Result<Access, &'static str> {
    text.parse()
}

/// Runs the command.
pub(super) async fn run(args: Args) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    match args.action {
        Action::Create {
            name,
            prefix,
            access,
            expires,
            server,
        } => {
            let expires_at = expires.map(|time| end(clock.as_ref(), time)).transpose()?;
            let body = json!({
                "name": name, "prefix": prefix, "access": access, "expires_at": expires_at,
            });
            create(&server.client(clock)?, body).await
        }
        Action::List { json, server } => list(&server.client(clock)?, json).await,
        Action::Revoke { id, server } => revoke(&server.client(clock)?, &id).await,
    }
}

/// The time that lies `time` ahead.
fn end(clock: &dyn Clock, time: Duration) -> anyhow::Result<String> {
    let far = "the key would be accepted for too long";
    let ms = u64::try_from(time.as_millis()).ok();
    let ms = ms
        .and_then(|ms| clock.now_ms().checked_add(ms))
        .context(far)?;
    Ok(format_datetime(i64::try_from(ms).context(far)?))
}

async fn create(client: &Client, mut body: Value) -> anyhow::Result<()> {
    let secret = Secret::from_random(chance::fresh_seed()?);
    body["hash"] = Value::from(secret.hash().to_string());
    let request = Request::post(PATH, body.to_string());
    let made: Value = client.send(&request).await?;
    let id = made["id"].as_str().unwrap_or_default();
    writeln!(
        io::stderr(),
        "key {id} is durable; this is the only time that it is shown:"
    )?;
    writeln!(io::stdout(), "{}", secret.expose())?;
    Ok(())
}

async fn list(client: &Client, json: bool) -> anyhow::Result<()> {
    let listed: Value = client.send(&Request::get(PATH)).await?;
    if json {
        writeln!(io::stdout(), "{listed:#}")?;
        return Ok(());
    }
    let mut lines = table::table(["id", "name", "namespaces", "access", "created", "expires"]);
    let keys = listed["keys"].as_array().map_or(&[][..], Vec::as_slice);
    for key in keys {
        let text = |name: &str| key[name].as_str().unwrap_or_default().to_owned();
        let expires = match (key["expired"] == true, text("expires_at")) {
            (true, at) => format!("{at} (over)"),
            (false, at) if at.is_empty() => "never".to_owned(),
            (false, at) => at,
        };
        let namespaces = format!("{}*", text("prefix"));
        lines.add_row([
            text("id"),
            text("name"),
            namespaces,
            text("access"),
            text("created_at"),
            expires,
        ]);
    }
    writeln!(io::stdout(), "{lines}")?;
    Ok(())
}

async fn revoke(client: &Client, id: &str) -> anyhow::Result<()> {
    let request = Request {
        method: Method::DELETE,
        ..Request::get(format!("{PATH}/{}", client::segment(id)))
    };
    client.send::<Value>(&request).await?;
    writeln!(io::stdout(), "key {id} is revoked")?;
    Ok(())
}

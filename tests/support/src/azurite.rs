//! [`Azurite`]: an Azure Blob Storage server.

use crate::{Environment, child::Child, environment, find};
use anyhow::{Context, Result, ensure};
use object_store::{
    azure::{AzureAccessKey, AzureAuthorizer, AzureCredential},
    client::{HttpRequest, HttpRequestBody},
};
use std::process::Command;

/// The account and the key that the server knows, the same everywhere.
const ACCOUNT: &str = "devstoreaccount1";
const KEY: &str =
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// An azurite server with an empty container called `isobath`.
#[derive(Debug)]
pub struct Azurite {
    child: Child,
}

impl Azurite {
    /// Starts one; none if it is not installed.
    pub async fn start() -> Result<Option<Self>> {
        let Some(program) = find("azurite/node_modules/.bin/azurite-blob") else {
            return Ok(None);
        };
        let child = Child::start("/", |dir, port| {
            let mut command = Command::new(&program);
            command
                .args(["--silent", "--skipApiVersionCheck", "--disableTelemetry"])
                .args(["--blobHost", "127.0.0.1", "--blobPort", &port.to_string()])
                .arg("--location")
                .arg(dir.join("data"));
            Ok(command)
        });
        let azurite = Self {
            child: child.await?,
        };
        create_container(&azurite.endpoint()).await?;
        Ok(Some(azurite))
    }

    fn endpoint(&self) -> String {
        format!("http://127.0.0.1:{}/{ACCOUNT}", self.child.port)
    }

    /// The settings of a client.
    pub fn environment(&self) -> Environment {
        environment([
            ("AZURE_STORAGE_ACCOUNT_NAME", ACCOUNT),
            ("AZURE_STORAGE_ACCOUNT_KEY", KEY),
            ("AZURE_STORAGE_ENDPOINT", &self.endpoint()),
        ])
    }
}

/// Sends the one request that an object store's client does not know.
async fn create_container(endpoint: &str) -> Result<()> {
    let url = format!("{endpoint}/isobath?restype=container");
    let mut request = HttpRequest::new(HttpRequestBody::empty());
    *request.method_mut() = reqwest::Method::PUT;
    *request.uri_mut() = url.parse().context("container URL")?;
    let key = AzureCredential::AccessKey(AzureAccessKey::try_new(KEY)?);
    AzureAuthorizer::new(&key, ACCOUNT).try_authorize(&mut request)?;
    let headers = request.headers().clone();
    let answer = reqwest::Client::new()
        .put(&url)
        .headers(headers)
        .send()
        .await?;
    let status = answer.status();
    ensure!(
        status.is_success(),
        "cannot create a container: {status} {}",
        answer.text().await?
    );
    Ok(())
}

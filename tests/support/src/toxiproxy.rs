//! [`Toxiproxy`]: a network that is slow, or cut.

use crate::{child::Child, child::free_port, find};
use anyhow::{Result, ensure};
use serde_json::{Value, json};
use std::{process::Command, time::Duration};

/// A Toxiproxy server: proxies in front of other servers of this machine.
#[derive(Debug)]
pub struct Toxiproxy {
    child: Child,
}

impl Toxiproxy {
    /// Starts one; none if it is not installed.
    pub async fn start() -> Result<Option<Self>> {
        let Some(program) = find("bin/server") else {
            return Ok(None);
        };
        let child = Child::start("/version", |_, port| {
            let mut command = Command::new(&program);
            command.args(["-host", "127.0.0.1", "-port", &port.to_string()]);
            Ok(command)
        });
        Ok(Some(Self {
            child: child.await?,
        }))
    }

    /// Opens a proxy in front of `port` that delays every answer; gives the port it listens on.
    pub async fn delay(&self, port: u16, latency: Duration) -> Result<u16> {
        let listen = free_port()?;
        let proxy = json!({
            "name": listen.to_string(),
            "listen": format!("127.0.0.1:{listen}"),
            "upstream": format!("127.0.0.1:{port}"),
            "enabled": true,
        });
        self.post("/proxies", proxy).await?;
        let toxic = json!({
            "type": "latency",
            "stream": "downstream",
            "attributes": {"latency": latency.as_millis()},
        });
        self.post(&format!("/proxies/{listen}/toxics"), toxic)
            .await?;
        Ok(listen)
    }

    /// Cuts the proxy that listens on `listen`, or connects it again.
    pub async fn set_enabled(&self, listen: u16, enabled: bool) -> Result<()> {
        self.post(&format!("/proxies/{listen}"), json!({"enabled": enabled}))
            .await
    }

    async fn post(&self, path: &str, body: Value) -> Result<()> {
        let url = format!("http://127.0.0.1:{}{path}", self.child.port);
        let answer = reqwest::Client::new().post(url).json(&body).send().await?;
        let status = answer.status();
        ensure!(
            status.is_success(),
            "toxiproxy: {status} {}",
            answer.text().await?
        );
        Ok(())
    }
}

//! [`Child`]: a server process that ends with its handle.

use anyhow::{Context, Result, bail};
use std::{
    fs::File,
    net::{Ipv4Addr, TcpListener},
    process::{Command, Stdio},
    time::Duration,
};
use tempfile::TempDir;

/// How often a server's port is chosen anew, in case another process takes it first.
const TRIES: usize = 3;
const POLL: Duration = Duration::from_millis(50);
/// How many polls a server may take to answer: 60 s.
const POLLS: usize = 1200;

/// A running server with a directory of its own; ended when dropped.
#[derive(Debug)]
pub(crate) struct Child {
    process: std::process::Child,
    pub(crate) port: u16,
    /// Holds the server's data and its log; goes with it.
    _dir: TempDir,
}

impl Child {
    /// Starts the server that `command` describes, given its directory and port, and waits until
    /// `ready` (a path) answers.
    pub(crate) async fn start(
        ready: &str,
        command: impl Fn(&std::path::Path, u16) -> Result<Command>,
    ) -> Result<Self> {
        let mut last = None;
        for _ in 0..TRIES {
            match Self::try_start(ready, &command).await {
                Ok(child) => return Ok(child),
                Err(error) => last = Some(error),
            }
        }
        Err(last.context("no try")?)
    }

    async fn try_start(
        ready: &str,
        command: impl Fn(&std::path::Path, u16) -> Result<Command>,
    ) -> Result<Self> {
        let dir = TempDir::with_prefix("isobath-server-")?;
        let port = free_port()?;
        let log = File::create(dir.path().join("server.log"))?;
        let mut command = command(dir.path(), port)?;
        let program = command.get_program().to_owned();
        let process = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut child = Self {
            process,
            port,
            _dir: dir,
        };
        child
            .wait_until(&format!("http://127.0.0.1:{port}{ready}"))
            .await?;
        Ok(child)
    }

    /// Waits until the server answers at `url`, whatever the status.
    async fn wait_until(&mut self, url: &str) -> Result<()> {
        for _ in 0..POLLS {
            if let Some(status) = self.process.try_wait()? {
                bail!("ended at once: {status}");
            }
            if reqwest::get(url)
                .await
                .is_ok_and(|answer| !answer.status().is_server_error())
            {
                return Ok(());
            }
            tokio::time::sleep(POLL).await;
        }
        bail!("no answer from {url}")
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        drop(self.process.kill());
        drop(self.process.wait());
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> Result<u16> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    Ok(listener.local_addr()?.port())
}

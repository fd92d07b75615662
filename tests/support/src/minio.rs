//! [`Minio`]: an S3 server.

use crate::{Environment, child::Child, child::free_port, environment, find};
use anyhow::Result;
use std::{fs, process::Command};

const KEY: &str = "minioadmin";

/// A MinIO server with an empty bucket called `isobath`.
#[derive(Debug)]
pub struct Minio {
    child: Child,
}

impl Minio {
    /// Starts one; none if it is not installed.
    pub async fn start() -> Result<Option<Self>> {
        let Some(program) = find("bin/minio") else {
            return Ok(None);
        };
        let child = Child::start("/minio/health/ready", |dir, port| {
            let data = dir.join("data");
            // A directory that is there before the start is a bucket.
            fs::create_dir_all(data.join("isobath"))?;
            let mut command = Command::new(&program);
            command
                .args(["server", "--quiet", "--address"])
                .arg(format!("127.0.0.1:{port}"))
                .arg("--console-address")
                .arg(format!("127.0.0.1:{}", free_port()?))
                .arg(data)
                .env("MINIO_ROOT_USER", KEY)
                .env("MINIO_ROOT_PASSWORD", KEY);
            Ok(command)
        });
        Ok(Some(Self {
            child: child.await?,
        }))
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.child.port
    }

    /// The settings of a client, at this server or at a proxy in front of it.
    pub fn environment(port: u16) -> Environment {
        environment([
            ("AWS_ACCESS_KEY_ID", KEY),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_REGION", "us-east-1"),
            ("AWS_ENDPOINT_URL", &format!("http://127.0.0.1:{port}")),
        ])
    }
}

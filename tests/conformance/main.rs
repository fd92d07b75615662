//! One suite that every object store passes on which a log may lie: a local directory, memory,
//! MinIO (also with 20 ms to each answer), azurite, and our fake of Google Cloud Storage, whose
//! documentation says what it does not prove.

#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

mod faults;
mod local;
mod races;
mod suite;

use isobath_storage::{
    Clock, SystemClock,
    store::{Backend, Faults, Store, StoreOptions, compose},
};
use isobath_test_support::{Azurite, Environment, GcsFake, Minio, Toxiproxy};
use std::{sync::Arc, time::Duration};
use suite::Size;

/// A store under test: how to open it again, with or without faults.
struct Subject {
    url: String,
    environment: Environment,
}

impl Subject {
    fn new(url: impl Into<String>, environment: Environment) -> Self {
        Self {
            url: url.into(),
            environment,
        }
    }

    /// The part of the store below `name`, with a client of its own.
    fn open(&self, name: &str) -> Store {
        self.open_with(name, None)
    }

    fn open_with(&self, name: &str, faults: Option<&Arc<Faults>>) -> Store {
        let options = StoreOptions {
            create_dir: true,
            ..StoreOptions::default()
        };
        let url = format!("{}/{name}", self.url);
        let backend = Backend::open(&url, self.environment.clone(), &options).unwrap();
        compose(backend, &options, &clock(), faults)
    }

    async fn conforms(&self, size: Size) {
        suite::run(self, size).await;
        races::run(self, size).await;
        faults::run(self, size).await;
    }
}

fn clock() -> Arc<dyn Clock> {
    Arc::new(SystemClock)
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_in_a_local_directory() {
    let dir = tempfile::tempdir().unwrap();
    let url = format!("file://{}", dir.path().display());
    Subject::new(url, Vec::new()).conforms(Size::FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_in_memory() {
    Subject::new("memory://conformance", Vec::new())
        .conforms(Size::FULL)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_on_minio() {
    let Some(minio) = Minio::start().await.unwrap() else {
        return;
    };
    let subject = Subject::new("s3://isobath", Minio::environment(minio.port()));
    subject.conforms(Size::FULL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_on_minio_at_a_distance() {
    let Some(minio) = Minio::start().await.unwrap() else {
        return;
    };
    let Some(proxies) = Toxiproxy::start().await.unwrap() else {
        return;
    };
    let latency = Duration::from_millis(20);
    let port = proxies.delay(minio.port(), latency).await.unwrap();
    let subject = Subject::new("s3://isobath", Minio::environment(port));
    assert!(suite::time_of_a_get(&subject).await >= latency);
    subject.conforms(Size::SMALL).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn should_give_up_on_a_cut_link_and_go_on_when_it_is_back() {
    let Some(minio) = Minio::start().await.unwrap() else {
        return;
    };
    let Some(proxies) = Toxiproxy::start().await.unwrap() else {
        return;
    };
    let port = proxies.delay(minio.port(), Duration::ZERO).await.unwrap();
    let store = Subject::new("s3://isobath", Minio::environment(port)).open("cut");
    suite::create(&store, "before", "x").await.unwrap();
    proxies.set_enabled(port, false).await.unwrap();
    let error = suite::create(&store, "during", "x").await.unwrap_err();
    assert_eq!(error, isobath_storage::error::ErrorKind::Unavailable);
    proxies.set_enabled(port, true).await.unwrap();
    suite::create(&store, "after", "x").await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_on_azurite() {
    let Some(azurite) = Azurite::start().await.unwrap() else {
        return;
    };
    Subject::new("az://isobath", azurite.environment())
        .conforms(Size::SMALL)
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn should_conform_on_the_fake_of_google_cloud_storage() {
    let gcs = GcsFake::start().await.unwrap();
    Subject::new("gs://isobath", gcs.environment())
        .conforms(Size::FULL)
        .await;
}

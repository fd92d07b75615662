//! Stores in a cloud's bucket, with the settings that the cloud's own tools read.

use crate::store::{StoreError, StoreKind};
use object_store::{
    ClientOptions, ObjectStore, Result, RetryConfig, aws::AmazonS3Builder,
    azure::MicrosoftAzureBuilder, gcp::GoogleCloudStorageBuilder,
};
use std::sync::Arc;

/// A client of `bucket`, which sends every request once and waits for the answer without an end:
/// both are the business of layers.
pub(super) fn open<K: AsRef<str>, V: Into<String>>(
    kind: StoreKind,
    bucket: &str,
    environment: impl IntoIterator<Item = (K, V)>,
    url: &str,
) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let settings = |prefix| settings(environment, prefix);
    let client = match kind {
        StoreKind::Gcs => gcs(bucket, settings("GOOGLE_")),
        StoreKind::Azure => azure(bucket, settings("AZURE_")),
        _ => s3(bucket, settings("AWS_")),
    };
    client.map_err(|source| StoreError::Client {
        url: url.to_owned(),
        source,
    })
}

/// The variables of `environment` that start with `prefix`, their names in lower case.
fn settings<K: AsRef<str>, V: Into<String>>(
    environment: impl IntoIterator<Item = (K, V)>,
    prefix: &str,
) -> Vec<(String, String)> {
    let ours = environment
        .into_iter()
        .filter(|(key, _)| key.as_ref().starts_with(prefix));
    let mut settings: Vec<_> = ours
        .map(|(key, value)| (key.as_ref().to_ascii_lowercase(), value.into()))
        .collect();
    // An endpoint without TLS was asked for by name: no second switch for it.
    let plain = |(key, value): &(String, String)| {
        (key.contains("endpoint") || key.ends_with("base_url")) && value.starts_with("http://")
    };
    if settings.iter().any(plain) {
        settings.push((
            format!("{}allow_http", prefix.to_ascii_lowercase()),
            "true".to_owned(),
        ));
    }
    settings.sort();
    settings
}

fn once() -> RetryConfig {
    RetryConfig {
        max_retries: 0,
        ..RetryConfig::default()
    }
}

/// Waits for answers without an end.
fn patient() -> ClientOptions {
    ClientOptions::new().with_timeout_disabled()
}

fn s3(bucket: &str, settings: Vec<(String, String)>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = AmazonS3Builder::new().with_client_options(patient());
    for (key, value) in settings {
        // Variables of other tools share the prefix; those that no client knows are theirs.
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    let client = builder
        .with_bucket_name(bucket)
        .with_retry(once())
        .build()?;
    Ok(Arc::new(client))
}

fn gcs(bucket: &str, settings: Vec<(String, String)>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = GoogleCloudStorageBuilder::new().with_client_options(patient());
    for (key, value) in settings {
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    let client = builder
        .with_bucket_name(bucket)
        .with_retry(once())
        .build()?;
    Ok(Arc::new(client))
}

fn azure(container: &str, settings: Vec<(String, String)>) -> Result<Arc<dyn ObjectStore>> {
    let mut builder = MicrosoftAzureBuilder::new().with_client_options(patient());
    for (key, value) in settings {
        if let Ok(key) = key.parse() {
            builder = builder.with_config(key, value);
        }
    }
    let client = builder
        .with_container_name(container)
        .with_retry(once())
        .build()?;
    Ok(Arc::new(client))
}

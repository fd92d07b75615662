//! [`Collector`]: takes spans over HTTP.

use isobath_storage::Clock;
use reqwest::{
    StatusCode, Url,
    header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use std::{error::Error, time::Duration};

/// The variable with headers for the collector, `name=value,name=value`: what proves who sends.
const HEADERS: &str = "OTEL_EXPORTER_OTLP_HEADERS";
/// How long a request may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often spans are sent before they are given up, and the first pause between.
const ATTEMPTS: u32 = 4;
const PAUSE: Duration = Duration::from_millis(250);

/// Takes spans over HTTP.
#[derive(Debug)]
pub(super) struct Collector {
    client: reqwest::Client,
    url: Url,
}

/// The headers that the environment has for the collector.
pub(super) fn headers(environment: &[(String, String)]) -> Vec<(String, String)> {
    let given = environment.iter().find(|(name, _)| name == HEADERS);
    let pairs = given.into_iter().flat_map(|(_, text)| text.split(','));
    let pairs = pairs.filter_map(|pair| pair.split_once('='));
    let own = |(name, value): (&str, &str)| (name.trim().to_owned(), value.trim().to_owned());
    pairs.map(own).collect()
}

impl Collector {
    /// A collector at `endpoint`, below which spans have their place.
    pub(super) fn new(
        endpoint: &str,
        headers: &[(String, String)],
    ) -> Result<Self, Box<dyn Error + Send + Sync>> {
        let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
        let mut given = HeaderMap::new();
        for (name, value) in headers {
            let mut value = HeaderValue::from_str(value)?;
            value.set_sensitive(true);
            given.insert(HeaderName::from_bytes(name.as_bytes())?, value);
        }
        let client = reqwest::Client::builder()
            .timeout(PATIENCE)
            .default_headers(given);
        Ok(Self {
            client: client.build()?,
            url: url.parse()?,
        })
    }

    /// Sends a body, again where that may help; whether it was taken.
    pub(super) async fn send(&self, body: String, clock: &dyn Clock) -> bool {
        let mut pause = PAUSE;
        for attempt in 1..=ATTEMPTS {
            let request = self.client.post(self.url.clone());
            let request = request.header(CONTENT_TYPE, "application/json");
            let again = match request.body(body.clone()).send().await {
                Ok(answer) if answer.status().is_success() => return true,
                Ok(answer) => {
                    let status = answer.status();
                    tracing::warn!(%status, attempt, "the collector of traces refused spans");
                    is_passing(status)
                }
                Err(error) => {
                    let error = &error.without_url() as &dyn Error;
                    tracing::warn!(error, attempt, "the collector of traces cannot be reached");
                    true
                }
            };
            if !again || attempt == ATTEMPTS {
                return false;
            }
            clock.sleep(pause).await;
            pause *= 2;
        }
        false
    }
}

/// Whether the same request may be taken later, as the protocol has it.
fn is_passing(status: StatusCode) -> bool {
    matches!(status.as_u16(), 429 | 502 | 503 | 504)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_take_headers_from_the_environment() {
        let environment = [(HEADERS.to_owned(), "api-key=a=b, x=1,odd".to_owned())];
        let pairs = [("api-key", "a=b"), ("x", "1")];
        let pairs = pairs.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(headers(&environment), pairs);
        assert_eq!(headers(&[]), []);
    }

    #[test]
    fn should_refuse_an_address_that_is_none() {
        assert!(Collector::new("no address", &[]).is_err());
        assert!(
            Collector::new(
                "http://127.0.0.1:4318/",
                &[("a b".to_owned(), String::new())]
            )
            .is_err()
        );
    }
}

//! [`RequestsSeen`]: the metrics of requests.

use super::metrics;
use ::metrics::{Counter, Histogram, counter, histogram};
use axum::http::{Method, StatusCode};
use parking_lot::RwLock;
use std::{collections::HashMap, fmt};

/// The metrics of requests, each looked up once: to name one takes longer than to count.
#[derive(Default)]
pub(super) struct RequestsSeen {
    /// By route.
    kinds: RwLock<HashMap<String, Vec<Kind>>>,
}

/// The requests of one route with one method and one status.
struct Kind {
    method: &'static str,
    status: StatusCode,
    count: Counter,
    seconds: Histogram,
}

impl RequestsSeen {
    /// Counts a request that took `seconds`.
    pub(super) fn count(&self, route: &str, method: &Method, status: StatusCode, seconds: f64) {
        let method = label(method);
        let count = |kinds: &[Kind]| {
            let mut kinds = kinds.iter();
            let kind = kinds.find(|kind| kind.status == status && kind.method == method);
            kind.map(|kind| {
                kind.count.increment(1);
                kind.seconds.record(seconds);
            })
        };
        let known = self.kinds.read().get(route).and_then(|kinds| count(kinds));
        if known.is_none() {
            let mut kinds = self.kinds.write();
            let kinds = kinds.entry(route.to_owned()).or_default();
            kinds.push(Kind::new(route, method, status));
            count(kinds);
        }
    }
}

impl Kind {
    fn new(route: &str, method: &'static str, status: StatusCode) -> Self {
        let labels = [("route", route.to_owned()), ("method", method.to_owned())];
        let seconds = histogram!(metrics::SECONDS, &labels);
        let [route, method_label] = labels;
        let status_label = ("status", status.as_u16().to_string());
        Self {
            method,
            status,
            count: counter!(metrics::REQUESTS, &[route, method_label, status_label]),
            seconds,
        }
    }
}

impl fmt::Debug for RequestsSeen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestsSeen").finish_non_exhaustive()
    }
}

/// A method as a label: clients may make methods up, but no metrics.
fn label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_keep_one_metric_for_made_up_methods() {
        let seen = RequestsSeen::default();
        for method in ["MADE", "UP", "POST", "POST"] {
            let method = Method::from_bytes(method.as_bytes()).unwrap();
            seen.count("/v2", &method, StatusCode::OK, 0.1);
            seen.count("/v2", &method, StatusCode::NOT_FOUND, 0.1);
        }
        assert_eq!(seen.kinds.read()["/v2"].len(), 4);
    }
}

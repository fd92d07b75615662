//! Requests that another region has to answer.

use super::Elsewhere;
use crate::server::{
    commit::Commit,
    decode::depends_on_rows,
    engine_error::{EngineError, EngineErrorKind as Kind},
    error::ApiError,
    headers::{FROM_REGION, SERVED_BY, TRACEPARENT, trace_of},
    peers::{Original, Sent},
    state::Server,
};
use axum::{http::HeaderValue, response::Response};
use isobath_storage::{
    model::{Region, Token},
    trace::SpanKind,
};
use std::time::Duration;

/// Between two attempts to reach another region.
const AGAIN: Duration = Duration::from_millis(200);
/// How long a write that another region carried out waits for its copy to arrive here.
const SETTLE: Duration = Duration::from_secs(5);

impl Commit<'_> {
    /// The region that has to decide on the write, where that is another one.
    pub(in crate::server) fn away(&self) -> Option<Elsewhere> {
        let original = self.original?;
        let home = self.server.engine.home(self.namespace)?;
        depends_on_rows(&original.body).then_some(home)
    }

    /// Has the write carried out by the region that has to decide on it, and waits until it has arrived here.
    pub(in crate::server) async fn at_home(&self, home: Elsewhere) -> Result<Response, ApiError> {
        let region = home.region;
        let not_home = |text: String| ApiError::from(EngineError::new(Kind::NotHome, text));
        let Some(original) = self.original.filter(|original| !came_from_afar(original)) else {
            let text =
                format!("region {region} and the one that sent this write disagree about its home");
            return Err(not_home(text));
        };
        if !home.forward {
            let text = format!(
                "conditional and by-filter writes to namespace '{}' are taken in region {region} only",
                self.namespace
            );
            return Err(not_home(text));
        }
        let start = self.server.clock.monotonic();
        loop {
            match send(self.server, &home, original).await {
                Sent::Answered(response) => {
                    if let Some(token) = token_of(&response) {
                        // It is answered once the views hold it, or after a while.
                        self.server.engine.settle(&token, SETTLE).await;
                    }
                    return Ok(response);
                }
                Sent::Broken => {
                    let text = format!(
                        "region {region} did not answer; the write may have been applied: a repeat is safe only \
                         under the same Idempotency-Key"
                    );
                    let kind = Kind::UnknownOutcome { repeatable: false };
                    return Err(EngineError::new(kind, text).into());
                }
                Sent::NotOwner | Sent::Unreachable => {}
            }
            if self.server.since(start) >= self.server.config.owner_wait {
                let text =
                    format!("region {region}, which decides on the write, cannot be reached");
                return Err(ApiError::unavailable(text));
            }
            self.server.clock.sleep(AGAIN).await;
        }
    }
}

/// What a response says that its reader has seen.
fn token_of(response: &Response) -> Option<Token> {
    let token = response.headers().get("x-isobath-token")?;
    token.to_str().ok()?.parse().ok()
}

/// Has a region answer a request.
pub(in crate::server) async fn send(
    server: &Server,
    place: &Elsewhere,
    original: &Original,
) -> Sent {
    let Some(address) = &place.address else {
        return Sent::Unreachable;
    };
    server.clock.sleep(place.delay).await;
    let mut original = original.clone();
    let name = format!("to region {}", place.region);
    let parent = trace_of(&original.headers);
    let mut span = server.tracer.step(parent, SpanKind::Client, &name);
    let parent = span.context().map(|context| context.to_string().parse());
    if let Some(Ok(parent)) = parent {
        original.headers.insert(TRACEPARENT, parent);
    }
    let from = server.engine.ping().region;
    if let Ok(from) = HeaderValue::from_str(from.as_str()) {
        original.headers.insert(FROM_REGION, from);
    }
    match server.peers.send(address, &original).await {
        Sent::Answered(response) => Sent::Answered(served_by(response, place.region)),
        other => {
            span.fail();
            other
        }
    }
}

fn served_by(mut response: Response, region: Region) -> Response {
    if let Ok(region) = HeaderValue::from_str(region.as_str()) {
        response.headers_mut().entry(SERVED_BY).or_insert(region);
    }
    response
}

fn came_from_afar(original: &Original) -> bool {
    original.headers.contains_key(FROM_REGION)
}

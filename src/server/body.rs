//! [`HeldBody`]: a request's body, whole and accounted for.

use super::{decode::Fault, error::ApiError, memory::Lease, state::Server};
use axum::{
    body::{Body, BodyDataStream, HttpBody as _},
    http::{
        HeaderMap, StatusCode,
        header::{CONTENT_ENCODING, CONTENT_LENGTH},
    },
};
use bytes::Bytes;
use flate2::bufread::MultiGzDecoder;
use futures::StreamExt;
use std::{error::Error, io::Read as _, sync::Arc, task::Poll, time::Duration};

/// What is read of a body that is too large: this many times the largest one.
const DISCARD: usize = 4;
/// How much of a body is inflated at once, bytes.
const INFLATE: usize = 256 * 1024;
/// What is read of a body that nobody wants, bytes.
const UNWANTED: usize = 1 << 20;
/// How long it is read: whoever sends it has no right to our time.
const UNWANTED_TIME: Duration = Duration::from_secs(2);

/// Reads a body that nobody wants if it is small, so that its sender comes to read the answer.
pub(crate) async fn discard_small(server: &Server, body: Body) {
    let mut chunks = body.into_data_stream();
    tokio::select! {
        () = discard(server, &mut chunks, UNWANTED) => {}
        () = server.clock.sleep(UNWANTED_TIME) => {}
    }
}

/// Reads on without keeping anything: a client that is still sending when the answer comes takes the
/// closed connection for an error and never reads the answer.
async fn discard(server: &Server, chunks: &mut BodyDataStream, most: usize) {
    let mut read = 0;
    while let Ok(Some(chunk)) = next(server, chunks).await {
        read += chunk.len();
        if read > most {
            break;
        }
    }
}

/// A request's body, decompressed; gives its memory back to the node when it is dropped, along with what
/// its values took.
#[derive(Debug)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    pub(crate) lease: Arc<Lease>,
}

impl HeldBody {
    /// Reads a body to its end.
    pub(crate) async fn read(
        server: &Server,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, ApiError> {
        let read = Self::read_raw(server, headers, body).await?;
        let is_gzip = headers
            .get(CONTENT_ENCODING)
            .is_some_and(|encoding| encoding == "gzip");
        if !is_gzip {
            return Ok(read);
        }
        let max = server.max_body();
        let lease = Arc::new(server.memory.lease(server.max_memory()));
        let inflated = (Arc::clone(&lease), read.bytes.len());
        let bytes = server
            .decode(inflated.1, move || inflate(&read, &inflated.0, max))
            .await?;
        Ok(Self { bytes, lease })
    }

    /// Reads a body as it comes.
    async fn read_raw(server: &Server, headers: &HeaderMap, body: Body) -> Result<Self, ApiError> {
        let max = server.max_body();
        let announced = headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let announced = announced.unwrap_or(0);
        let mut chunks = body.into_data_stream();
        if announced > max {
            discard(server, &mut chunks, max.saturating_mul(DISCARD)).await;
            return Err(too_large(max).into());
        }
        let lease = Arc::new(server.memory.lease(server.max_memory()));
        let mut next_chunk = next(server, &mut chunks).await?;
        let is_whole = |chunk: &mut Bytes| announced == chunk.len() && chunks.is_end_stream();
        if let Some(bytes) = next_chunk.take_if(is_whole) {
            lease.take(announced)?;
            return Ok(Self { bytes, lease });
        }
        // What is announced is not taken before it comes, and untouched memory is none.
        let mut bytes = Vec::with_capacity(announced);
        while let Some(chunk) = next_chunk {
            if bytes.len() + chunk.len() > max {
                drop((bytes, lease));
                discard(server, &mut chunks, max.saturating_mul(DISCARD)).await;
                return Err(too_large(max).into());
            }
            lease.take(chunk.len())?;
            bytes.extend_from_slice(&chunk);
            next_chunk = next(server, &mut chunks).await?;
        }
        Ok(Self {
            bytes: bytes.into(),
            lease,
        })
    }
}

fn too_large(max: usize) -> Fault {
    Fault::too_large(format!("the body is larger than {max} bytes"))
}

/// Inflates all members of a gzip body, and refuses what stands behind them.
fn inflate(body: &HeldBody, lease: &Lease, max: usize) -> Result<Bytes, Fault> {
    let mut members = MultiGzDecoder::new(body.bytes.as_ref());
    let mut inflated = vec![];
    loop {
        let room = INFLATE.min(max.saturating_sub(inflated.len()) + 1);
        lease.take(room)?;
        let read = members
            .by_ref()
            .take(room as u64)
            .read_to_end(&mut inflated);
        let read = read.map_err(|e| Fault::invalid(format!("the body is no gzip: {e}")))?;
        if inflated.len() > max {
            return Err(too_large(max));
        }
        if read < room {
            return Ok(inflated.into());
        }
    }
}

/// The next piece of a body, which may not take for ever.
async fn next(server: &Server, chunks: &mut BodyDataStream) -> Result<Option<Bytes>, ApiError> {
    let mut coming = chunks.next();
    let chunk = match futures::poll!(&mut coming) {
        Poll::Ready(chunk) => chunk,
        Poll::Pending => tokio::select! {
            chunk = coming => chunk,
            () = server.clock.sleep(server.config.body_timeout) => {
                let text = "the body stood still for too long";
                return Err(ApiError::no_route(StatusCode::REQUEST_TIMEOUT, text));
            }
        },
    };
    chunk.transpose().map_err(|error| {
        let cause = error
            .source()
            .map_or(String::new(), |cause| format!(": {cause}"));
        Fault::invalid(format!("the body could not be read: {error}{cause}")).into()
    })
}

//! [`HeldBody`]: a request's body, whole and accounted for.

use super::{
    engine_error::{EngineError, EngineErrorKind},
    error::ApiError,
    state::Server,
};
use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, StatusCode, header::CONTENT_LENGTH},
};
use bytes::Bytes;
use futures::StreamExt;
use std::sync::Arc;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// What is read of a body that is too large: this many times the largest one.
const DISCARD: usize = 4;

/// Reads on without keeping anything: a client that is still sending when the answer comes takes the
/// closed connection for an error and never reads the answer.
async fn discard(chunks: &mut BodyDataStream, most: usize) {
    let mut read = 0;
    while let Some(Ok(chunk)) = chunks.next().await {
        read += chunk.len();
        if read > most {
            break;
        }
    }
}

/// A request's body, decompressed; gives its memory back to the node when it is dropped.
#[derive(Debug)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    _memory: Memory,
}

/// Kibibytes of the node's memory for bodies.
#[derive(Debug)]
struct Memory {
    pool: Arc<Semaphore>,
    taken: Option<OwnedSemaphorePermit>,
    kib: usize,
}

impl Memory {
    /// Takes as much as `bytes` bytes need in all. Never waits: what is half read would wait for what is
    /// half read.
    fn grow_to(&mut self, bytes: usize) -> Result<(), ApiError> {
        let need = bytes.div_ceil(1024);
        let Some(more) = need.checked_sub(self.kib).filter(|more| *more > 0) else {
            return Ok(());
        };
        let permits = u32::try_from(more).unwrap_or(u32::MAX);
        let permit = Arc::clone(&self.pool).try_acquire_many_owned(permits);
        let permit = permit
            .map_err(|_| ApiError::overloaded("the node holds too many request bodies already"))?;
        match &mut self.taken {
            Some(taken) => taken.merge(permit),
            None => self.taken = Some(permit),
        }
        self.kib = need;
        Ok(())
    }
}

impl HeldBody {
    /// Reads a body to its end.
    pub(crate) async fn read(
        server: &Server,
        headers: &HeaderMap,
        body: Body,
    ) -> Result<Self, ApiError> {
        let max = server.max_body();
        let too_large = || -> ApiError {
            let text = format!("the body is larger than {max} bytes");
            EngineError::new(EngineErrorKind::TooLarge, text).into()
        };
        let announced = headers.get(CONTENT_LENGTH);
        let announced = announced.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        let announced = announced.unwrap_or(0);
        let mut chunks = body.into_data_stream();
        if announced > max {
            discard(&mut chunks, max.saturating_mul(DISCARD)).await;
            return Err(too_large());
        }
        let mut memory = Memory {
            pool: Arc::clone(&server.bodies),
            taken: None,
            kib: 0,
        };
        memory.grow_to(announced)?;
        let mut bytes = Vec::with_capacity(announced);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(|e| {
                let text = format!("the body could not be read: {e}");
                ApiError::no_route(StatusCode::BAD_REQUEST, text)
            })?;
            if bytes.len() + chunk.len() > max {
                drop((bytes, memory));
                discard(&mut chunks, max.saturating_mul(DISCARD)).await;
                return Err(too_large());
            }
            memory.grow_to(bytes.len() + chunk.len())?;
            bytes.extend_from_slice(&chunk);
        }
        Ok(Self {
            bytes: bytes.into(),
            _memory: memory,
        })
    }
}

//! [`HeldAnswer`]: a long answer, accounted for until the client has taken it.

use super::{
    error::ApiError,
    memory::{Lease, Memory},
};
use axum::{
    Error,
    body::{Body, HttpBody as _},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use hyper::body::{Frame, SizeHint};
use std::{
    pin::Pin,
    task::{Context, Poll, ready},
};

/// Answers up to so many bytes are not accounted for.
const SHORT: u64 = 64 * 1024;
/// An answer is handed on in pieces of so many bytes, so that it is held until the last ones are sent.
const PIECE: usize = 64 * 1024;

/// A long answer, accounted for until the client has taken it.
#[derive(Debug)]
pub(super) struct HeldAnswer {
    body: Body,
    rest: Bytes,
    _lease: Lease,
}

impl HeldAnswer {
    /// The same response, if there is room for it.
    pub(super) fn hold(response: Response, memory: &Memory) -> Response {
        let size = response.body().size_hint().exact().unwrap_or(0);
        if size <= SHORT {
            return response;
        }
        let lease = memory.lease(usize::MAX);
        if let Err(fault) = lease.take(usize::try_from(size).unwrap_or(usize::MAX)) {
            return ApiError::from(fault).into_response();
        }
        response.map(|body| {
            Body::new(Self {
                body,
                rest: Bytes::new(),
                _lease: lease,
            })
        })
    }
}

impl hyper::body::Body for HeldAnswer {
    type Data = Bytes;
    type Error = Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Error>>> {
        if self.rest.is_empty() {
            let Some(frame) = ready!(Pin::new(&mut self.body).poll_frame(cx)?) else {
                return Poll::Ready(None);
            };
            match frame.into_data() {
                Ok(data) => self.rest = data,
                Err(other) => return Poll::Ready(Some(Ok(other))),
            }
        }
        let piece = PIECE.min(self.rest.len());
        let piece = self.rest.split_to(piece);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let mut size = self.body.size_hint();
        let rest = self.rest.len() as u64;
        match size.exact() {
            Some(exact) => size.set_exact(exact + rest),
            None => size.set_lower(size.lower() + rest),
        }
        size
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn should_hold_memory_until_the_last_piece_is_taken() {
        let memory = Memory::new(8 << 20);
        let long = || Response::new(Body::from(vec![7; 4 << 20]));
        let held = HeldAnswer::hold(long(), &memory);
        assert_eq!(held.body().size_hint().exact(), Some(4 << 20));
        let refused = HeldAnswer::hold(long(), &memory);
        assert_eq!(refused.status().as_u16(), 429);
        let bytes = axum::body::to_bytes(held.into_body(), usize::MAX)
            .await
            .unwrap();
        assert_eq!(bytes.len(), 4 << 20);
        assert_eq!(HeldAnswer::hold(long(), &memory).status().as_u16(), 200);
    }
}

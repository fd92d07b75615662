//! [`Connection`]: a stream that holds its place among the open ones and does not stand still for ever.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    sync::OwnedSemaphorePermit,
    time::{Instant, Sleep, sleep},
};

/// How long a stream may stand still.
#[derive(Debug, Clone, Copy)]
pub(super) struct Patience {
    /// Without the first byte from the client.
    pub(super) first: Duration,
    /// Without another byte from the client while one is waited for.
    pub(super) read: Duration,
    /// Without a byte taken by the client while there are some for it.
    pub(super) write: Duration,
}

/// A stream that holds its place among the open connections until it is closed, and fails when it stands
/// still for too long.
#[derive(Debug)]
pub(super) struct Connection<S> {
    stream: S,
    read: Timer,
    write: Timer,
    /// How long the client may be silent after its first byte.
    later: Duration,
    _place: OwnedSemaphorePermit,
}

impl<S> Connection<S> {
    pub(super) fn new(stream: S, patience: Patience, place: OwnedSemaphorePermit) -> Self {
        Self {
            stream,
            read: Timer::new(patience.first),
            write: Timer::new(patience.write),
            later: patience.read,
            _place: place,
        }
    }
}

/// Runs while nothing moves in one direction.
#[derive(Debug)]
struct Timer {
    patience: Duration,
    sleep: Pin<Box<Sleep>>,
    running: bool,
}

impl Timer {
    fn new(patience: Duration) -> Self {
        Self {
            patience,
            sleep: Box::pin(sleep(patience)),
            running: false,
        }
    }

    /// Passes on what a stream answers, unless it has been pending for too long.
    fn watch<T>(
        &mut self,
        cx: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if polled.is_ready() {
            self.running = false;
            return polled;
        }
        if !self.running {
            self.running = true;
            self.sleep.as_mut().reset(Instant::now() + self.patience);
        }
        ready!(self.sleep.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Connection<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if polled.is_ready() {
            self.read.patience = self.later;
        }
        self.read.watch(cx, polled)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Connection<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.write.watch(cx, polled)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(cx);
        self.write.watch(cx, polled)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.write.watch(cx, polled)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write_vectored(cx, buffers);
        self.write.watch(cx, polled)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _, duplex},
        sync::Semaphore,
    };

    fn patience(seconds: u64) -> Patience {
        let time = Duration::from_secs(seconds);
        Patience {
            first: time,
            read: time,
            write: time,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn should_give_up_on_a_client_that_stands_still() {
        let places = Arc::new(Semaphore::new(1));
        let place = Arc::clone(&places).try_acquire_owned().unwrap();
        let (near, mut far) = duplex(4);
        let mut near = Connection::new(near, patience(5), place);
        let sending = tokio::spawn(async move {
            for _ in 0..3 {
                sleep(Duration::from_secs(4)).await;
                far.write_all(b"x").await.unwrap();
            }
            sleep(Duration::from_mins(1)).await;
            far
        });
        let mut bytes = [0; 1];
        for _ in 0..3 {
            near.read_exact(&mut bytes).await.unwrap();
        }
        let error = near.read_exact(&mut bytes).await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        let error = near.write_all(b"more than fits").await.unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(places.available_permits(), 0);
        drop(near);
        assert_eq!(places.available_permits(), 1);
        sending.await.unwrap();
    }
}

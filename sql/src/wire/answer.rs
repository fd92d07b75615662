//! [`Answers`]: what the server sends, gathered and sent at once.

use crate::SqlError;
use bytes::{BufMut, BytesMut};
use std::io;
use tokio::io::{AsyncWrite, AsyncWriteExt};

/// What is gathered before it is sent, in bytes.
const FULL: usize = 64 * 1024;

/// The state of a session's transaction, as a client is told it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TransactionState {
    Idle,
    Open,
    Failed,
}

/// What the server sends, gathered and sent at once.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    buffer: BytesMut,
}

/// One column of a result, as a client is told it.
#[derive(Debug, Clone)]
pub(crate) struct ResultColumn {
    pub(crate) name: String,
    pub(crate) oid: u32,
    /// Bytes of a value; -1 where they vary.
    pub(crate) size: i16,
    /// 0 = text, 1 = binary.
    pub(crate) format: i16,
    /// What belongs to the type: the dimension of a vector; -1 = nothing.
    pub(crate) modifier: i32,
}

impl Answers {
    /// Whether so much is gathered that it should be sent.
    pub(crate) fn is_full(&self) -> bool {
        self.buffer.len() >= FULL
    }

    /// Sends what is gathered.
    pub(crate) async fn send<W: AsyncWrite + Unpin>(&mut self, writer: &mut W) -> io::Result<()> {
        if !self.buffer.is_empty() {
            writer.write_all(&self.buffer).await?;
            self.buffer.clear();
        }
        writer.flush().await
    }

    fn message(&mut self, tag: u8, write: impl FnOnce(&mut BytesMut)) {
        self.buffer.put_u8(tag);
        let start = self.buffer.len();
        self.buffer.put_u32(0);
        write(&mut self.buffer);
        let length = u32::try_from(self.buffer.len() - start).unwrap_or(u32::MAX);
        if let Some(place) = self.buffer.get_mut(start..start + 4) {
            place.copy_from_slice(&length.to_be_bytes());
        }
    }

    pub(crate) fn authenticated(&mut self) {
        self.message(b'R', |out| out.put_u32(0));
    }

    pub(crate) fn ask_password(&mut self) {
        self.message(b'R', |out| out.put_u32(3));
    }

    pub(crate) fn setting(&mut self, name: &str, value: &str) {
        self.message(b'S', |out| {
            put_text(out, name);
            put_text(out, value);
        });
    }

    pub(crate) fn cancel_key(&mut self, process: i32, secret: i32) {
        self.message(b'K', |out| {
            out.put_i32(process);
            out.put_i32(secret);
        });
    }

    pub(crate) fn ready(&mut self, state: TransactionState) {
        let state = match state {
            TransactionState::Idle => b'I',
            TransactionState::Open => b'T',
            TransactionState::Failed => b'E',
        };
        self.message(b'Z', |out| out.put_u8(state));
    }

    pub(crate) fn error(&mut self, error: &SqlError, fatal: bool) {
        let severity = if fatal { "FATAL" } else { "ERROR" };
        self.message(b'E', |out| {
            for (field, value) in [
                (b'S', severity),
                (b'V', severity),
                (b'C', error.sqlstate()),
                (b'M', error.message.as_str()),
            ] {
                out.put_u8(field);
                put_text(out, value);
            }
            out.put_u8(0);
        });
    }

    pub(crate) fn columns(&mut self, columns: &[ResultColumn]) {
        self.message(b'T', |out| {
            out.put_u16(length(columns.len()));
            for column in columns {
                put_text(out, &column.name);
                // of no table
                out.put_u32(0);
                out.put_u16(0);
                out.put_u32(column.oid);
                out.put_i16(column.size);
                out.put_i32(column.modifier);
                out.put_i16(column.format);
            }
        });
    }

    pub(crate) fn no_columns(&mut self) {
        self.message(b'n', |_| ());
    }

    pub(crate) fn parameter_types(&mut self, types: &[u32]) {
        self.message(b't', |out| {
            out.put_u16(length(types.len()));
            for oid in types {
                out.put_u32(*oid);
            }
        });
    }

    /// A row of so many values, each written by `write`, which says whether there is one.
    pub(crate) fn row(
        &mut self,
        values: usize,
        mut write: impl FnMut(usize, &mut Vec<u8>) -> Result<bool, SqlError>,
    ) -> Result<(), SqlError> {
        let before = self.buffer.len();
        let mut failed = None;
        let mut value = vec![];
        self.message(b'D', |out| {
            out.put_u16(length(values));
            for at in 0..values {
                value.clear();
                match write(at, &mut value) {
                    Ok(true) => {
                        out.put_i32(i32::try_from(value.len()).unwrap_or(i32::MAX));
                        out.put_slice(&value);
                    }
                    Ok(false) => out.put_i32(-1),
                    Err(error) => {
                        failed.get_or_insert(error);
                    }
                }
            }
        });
        match failed {
            None => Ok(()),
            Some(error) => {
                self.buffer.truncate(before);
                Err(error)
            }
        }
    }

    pub(crate) fn complete(&mut self, tag: &str) {
        self.message(b'C', |out| put_text(out, tag));
    }

    pub(crate) fn empty(&mut self) {
        self.message(b'I', |_| ());
    }

    pub(crate) fn suspended(&mut self) {
        self.message(b's', |_| ());
    }

    pub(crate) fn parsed(&mut self) {
        self.message(b'1', |_| ());
    }

    pub(crate) fn bound(&mut self) {
        self.message(b'2', |_| ());
    }

    pub(crate) fn closed(&mut self) {
        self.message(b'3', |_| ());
    }
}

fn length(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}

/// A text with its end; a zero within it ends it early.
fn put_text(out: &mut BytesMut, text: &str) {
    let end = text.find('\0').unwrap_or(text.len());
    out.put_slice(&text.as_bytes()[..end]);
    out.put_u8(0);
}

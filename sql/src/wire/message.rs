//! [`Request`]: what a client sends, read with its length checked before anything is kept.

use bytes::{Buf, Bytes};
use std::io;
use tokio::io::{AsyncRead, AsyncReadExt};

/// The longest first message, in bytes.
const MAX_STARTUP: usize = 10_000;
/// The most parameters of one statement.
const MAX_PARAMETERS: usize = 65_535;

const PROTOCOL_3: u32 = 196_608;
const CANCEL: u32 = 80_877_102;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;

/// The first message of a connection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Startup {
    /// Asks for TLS.
    Ssl,
    /// Asks for another encryption, which is not there.
    Gss,
    /// Asks to stop the statement of another connection.
    Cancel {
        /// Names the connection.
        process: i32,
        /// Proves that it is the same client.
        secret: i32,
    },
    /// Begins a session with these settings.
    Begin(Vec<(String, String)>),
}

/// What a client sends after the first message.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Request {
    Query(String),
    Parse {
        name: String,
        text: String,
        types: Vec<u32>,
    },
    Bind {
        portal: String,
        statement: String,
        formats: Vec<i16>,
        values: Vec<Option<Bytes>>,
        results: Vec<i16>,
    },
    DescribeStatement(String),
    DescribePortal(String),
    Execute {
        portal: String,
        most: usize,
    },
    CloseStatement(String),
    ClosePortal(String),
    Flush,
    Sync,
    Password(Bytes),
    Terminate,
    /// A message of the copy protocol, which is not there.
    Copy,
}

/// A message that breaks the protocol.
pub(crate) fn broken(said: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, said.to_owned())
}

/// Reads the first message.
pub(crate) async fn read_startup<R: AsyncRead + Unpin>(reader: &mut R) -> io::Result<Startup> {
    let length = reader.read_u32().await? as usize;
    if !(8..=MAX_STARTUP).contains(&length) {
        return Err(broken("the first message has no sensible length"));
    }
    let mut body = vec![0; length - 4];
    reader.read_exact(&mut body).await?;
    let mut body = Bytes::from(body);
    match body.get_u32() {
        SSL => Ok(Startup::Ssl),
        GSS => Ok(Startup::Gss),
        CANCEL if body.remaining() == 8 => Ok(Startup::Cancel {
            process: body.get_i32(),
            secret: body.get_i32(),
        }),
        // newer minor versions fall back to 3.0
        version if version >> 16 == PROTOCOL_3 >> 16 => {
            let mut settings = vec![];
            while body.has_remaining() && body.first() != Some(&0) {
                settings.push((text(&mut body)?, text(&mut body)?));
            }
            Ok(Startup::Begin(settings))
        }
        _ => Err(broken("an unknown version of the protocol")),
    }
}

/// What a message says of itself before it comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Head {
    tag: u8,
    /// Bytes of the rest.
    pub(crate) length: usize,
}

/// Reads the head of a message of at most `most` bytes; `None` where the client has left.
pub(crate) async fn read_head<R: AsyncRead + Unpin>(
    reader: &mut R,
    most: usize,
) -> io::Result<Option<Head>> {
    let tag = match reader.read_u8().await {
        Ok(tag) => tag,
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    };
    let length = reader.read_u32().await? as usize;
    if !(4..=most).contains(&length) {
        return Err(broken("a message is longer than the server takes"));
    }
    let length = length - 4;
    Ok(Some(Head { tag, length }))
}

/// Reads what comes after a head; `None` where the client has left.
pub(crate) async fn read_body<R: AsyncRead + Unpin>(
    reader: &mut R,
    head: Head,
) -> io::Result<Option<Request>> {
    // what is announced takes no memory before it comes
    let mut body = Vec::new();
    let wanted = head.length as u64;
    let read = (&mut *reader).take(wanted).read_to_end(&mut body).await?;
    if read as u64 != wanted {
        return Ok(None);
    }
    decode(head.tag, Bytes::from(body)).map(Some)
}

/// Reads a message of at most `most` bytes; `None` where the client has left.
pub(crate) async fn read_request<R: AsyncRead + Unpin>(
    reader: &mut R,
    most: usize,
) -> io::Result<Option<Request>> {
    match read_head(reader, most).await? {
        Some(head) => read_body(reader, head).await,
        None => Ok(None),
    }
}

fn decode(tag: u8, mut body: Bytes) -> io::Result<Request> {
    let read = match tag {
        b'Q' => Request::Query(text(&mut body)?),
        b'P' => {
            let (name, text) = (text(&mut body)?, text(&mut body)?);
            let types = (0..count(&mut body)?).map(|_| number(&mut body).map(i32::cast_unsigned));
            let types = types.collect::<io::Result<_>>()?;
            Request::Parse { name, text, types }
        }
        b'B' => bind(&mut body)?,
        b'D' | b'C' => {
            let kind = byte(&mut body)?;
            let name = text(&mut body)?;
            match (tag, kind) {
                (b'D', b'S') => Request::DescribeStatement(name),
                (b'D', b'P') => Request::DescribePortal(name),
                (_, b'S') => Request::CloseStatement(name),
                (_, b'P') => Request::ClosePortal(name),
                _ => return Err(broken("neither a statement nor a portal")),
            }
        }
        b'E' => Request::Execute {
            portal: text(&mut body)?,
            most: usize::try_from(number(&mut body)?).unwrap_or(0),
        },
        b'H' => Request::Flush,
        b'S' => Request::Sync,
        b'p' => Request::Password(body.split_to(body.len())),
        b'X' => Request::Terminate,
        b'd' | b'c' | b'f' => Request::Copy,
        _ => return Err(broken("a message of an unknown kind")),
    };
    Ok(read)
}

fn bind(body: &mut Bytes) -> io::Result<Request> {
    let (portal, statement) = (text(body)?, text(body)?);
    let formats = (0..count(body)?)
        .map(|_| short(body))
        .collect::<io::Result<_>>()?;
    let values = count(body)?;
    if values > MAX_PARAMETERS {
        return Err(broken("too many parameters"));
    }
    let values = (0..values)
        .map(|_| value(body))
        .collect::<io::Result<_>>()?;
    let results = (0..count(body)?)
        .map(|_| short(body))
        .collect::<io::Result<_>>()?;
    Ok(Request::Bind {
        portal,
        statement,
        formats,
        values,
        results,
    })
}

fn value(body: &mut Bytes) -> io::Result<Option<Bytes>> {
    let length = number(body)?;
    if length == -1 {
        return Ok(None);
    }
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= body.remaining());
    let length = length.ok_or_else(|| broken("a value is longer than its message"))?;
    Ok(Some(body.split_to(length)))
}

fn text(body: &mut Bytes) -> io::Result<String> {
    let end = body.iter().position(|byte| *byte == 0);
    let end = end.ok_or_else(|| broken("a text has no end"))?;
    let bytes = body.split_to(end);
    body.advance(1);
    String::from_utf8(bytes.into()).map_err(|_| broken("a text is no UTF-8"))
}

fn byte(body: &mut Bytes) -> io::Result<u8> {
    let short = || broken("a message is too short");
    body.has_remaining()
        .then(|| body.get_u8())
        .ok_or_else(short)
}

fn short(body: &mut Bytes) -> io::Result<i16> {
    let short = || broken("a message is too short");
    (body.remaining() >= 2)
        .then(|| body.get_i16())
        .ok_or_else(short)
}

fn number(body: &mut Bytes) -> io::Result<i32> {
    let short = || broken("a message is too short");
    (body.remaining() >= 4)
        .then(|| body.get_i32())
        .ok_or_else(short)
}

fn count(body: &mut Bytes) -> io::Result<usize> {
    // sent as a signed number, meant as an unsigned one
    Ok(usize::from(short(body)?.cast_unsigned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[tokio::test]
    async fn should_read_what_clients_send() {
        let mut bytes: &[u8] = b"\0\0\0\x08\x04\xd2\x16\x2f";
        assert_eq!(read_startup(&mut bytes).await.unwrap(), Startup::Ssl);
        let mut bytes: &[u8] = b"\0\0\0\x13\0\x03\0\0user\0ann\0\0\0";
        let begin = Startup::Begin(vec![("user".into(), "ann".into())]);
        assert_eq!(read_startup(&mut bytes).await.unwrap(), begin);
        let mut bytes: &[u8] = b"Q\0\0\0\x0dSELECT 1\0X\0\0\0\x04";
        let query = Request::Query("SELECT 1".into());
        assert_eq!(read_request(&mut bytes, 100).await.unwrap(), Some(query));
        assert_eq!(
            read_request(&mut bytes, 100).await.unwrap(),
            Some(Request::Terminate)
        );
        assert_eq!(read_request(&mut bytes, 100).await.unwrap(), None);
    }

    #[tokio::test]
    async fn should_refuse_messages_that_are_too_long() {
        let mut bytes: &[u8] = b"Q\x7f\xff\xff\xff";
        assert!(read_request(&mut bytes, 1 << 20).await.is_err());
        let mut bytes: &[u8] = b"\x7f\xff\xff\xff";
        assert!(read_startup(&mut bytes).await.is_err());
    }

    proptest! {
        #[test]
        fn should_take_any_bytes(tag: u8, body: Vec<u8>) {
            drop(decode(tag, Bytes::from(body)));
        }
    }
}

//! [`Token`]: a client's position, for reading its own writes.

use super::{ClusterId, Hlc, LogId, Region, Seq, ShardId, VersionVector};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use std::{fmt, str::FromStr};
use uuid::Uuid;

/// The version of the encoding.
const VERSION: u8 = 1;
/// The most logs that a token names.
const MAX_ENTRIES: usize = 64;
/// Bytes of the checksum.
const CHECKSUM: usize = 4;

/// What a client has seen: sent with every answer, sent back to read no older state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    /// The cluster that gave it; another cluster refuses it.
    pub cluster: ClusterId,
    /// The newest time seen. Never merged into a clock.
    pub hlc: Hlc,
    /// The logs seen, at most 64.
    pub seen: VersionVector,
}

/// A text that is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Not base64url, cut short or too long.
    #[error("the token is malformed")]
    Malformed,
    /// Altered on the way.
    #[error("the token's checksum does not match")]
    Checksum,
    /// Written by a newer version.
    #[error("the token has version {0}, this node reads version {VERSION}")]
    Version(u8),
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut out = vec![VERSION];
        out.extend(self.cluster.0.as_bytes());
        out.extend(self.hlc.0.to_le_bytes());
        let count = self.seen.len().min(MAX_ENTRIES);
        out.push(u8::try_from(count).unwrap_or(u8::MAX));
        for (log, seq) in self.seen.iter().take(count) {
            let region = log.region.as_str();
            out.push(u8::try_from(region.len()).unwrap_or(u8::MAX));
            out.extend(region.as_bytes());
            out.extend(log.shard.0.to_le_bytes());
            out.extend(seq.0.to_le_bytes());
        }
        out.extend(&blake3::hash(&out).as_bytes()[..CHECKSUM]);
        f.write_str(&URL_SAFE_NO_PAD.encode(out))
    }
}

/// Takes `N` bytes off the front of `rest`.
fn take<const N: usize>(rest: &mut &[u8]) -> Result<[u8; N], TokenError> {
    let (head, tail) = rest.split_first_chunk::<N>().ok_or(TokenError::Malformed)?;
    *rest = tail;
    Ok(*head)
}

fn entry(rest: &mut &[u8]) -> Result<(LogId, Seq), TokenError> {
    let length = usize::from(take::<1>(rest)?[0]);
    let (name, tail) = rest.split_at_checked(length).ok_or(TokenError::Malformed)?;
    *rest = tail;
    let name = std::str::from_utf8(name).map_err(|_| TokenError::Malformed)?;
    let region: Region = name.parse().map_err(|_| TokenError::Malformed)?;
    let shard = ShardId(u16::from_le_bytes(take(rest)?));
    Ok((
        LogId { region, shard },
        Seq(u64::from_le_bytes(take(rest)?)),
    ))
}

impl FromStr for Token {
    type Err = TokenError;

    fn from_str(s: &str) -> Result<Self, TokenError> {
        if s.len() > 8 * 1024 {
            return Err(TokenError::Malformed);
        }
        let bytes = URL_SAFE_NO_PAD
            .decode(s)
            .map_err(|_| TokenError::Malformed)?;
        let (mut rest, sum) = bytes
            .split_last_chunk::<CHECKSUM>()
            .ok_or(TokenError::Malformed)?;
        if blake3::hash(rest).as_bytes()[..CHECKSUM] != *sum {
            return Err(TokenError::Checksum);
        }
        let version = take::<1>(&mut rest)?[0];
        if version != VERSION {
            return Err(TokenError::Version(version));
        }
        let cluster = ClusterId(Uuid::from_bytes(take(&mut rest)?));
        let hlc = Hlc(u64::from_le_bytes(take(&mut rest)?));
        let count = usize::from(take::<1>(&mut rest)?[0]);
        if count > MAX_ENTRIES {
            return Err(TokenError::Malformed);
        }
        let seen = (0..count)
            .map(|_| entry(&mut rest))
            .collect::<Result<_, _>>()?;
        if rest.is_empty() {
            Ok(Self { cluster, hlc, seen })
        } else {
            Err(TokenError::Malformed)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn token(entries: &[(u16, u64)], hlc: u64) -> Token {
        let region: Region = "use1".parse().unwrap();
        let log = |shard| LogId::new(region, ShardId(shard));
        let seen = entries
            .iter()
            .map(|(shard, seq)| (log(*shard), Seq(*seq)))
            .collect();
        Token {
            cluster: ClusterId(Uuid::from_u128(7)),
            hlc: Hlc(hlc),
            seen,
        }
    }

    proptest! {
        #[test]
        fn should_read_what_it_writes(
            entries in proptest::collection::vec((0u16..100, 1u64..), 0..64),
            hlc: u64,
        ) {
            let token = token(&entries, hlc);
            prop_assert_eq!(token.to_string().parse::<Token>(), Ok(token));
        }

        #[test]
        fn should_refuse_any_other_text(text: String) {
            prop_assert!(text.parse::<Token>().is_err());
        }

        #[test]
        fn should_refuse_a_flipped_bit(at in 0usize..36, bit in 0u8..6) {
            let text = token(&[(0, 9)], 1).to_string();
            let mut raw = URL_SAFE_NO_PAD.decode(&text).unwrap();
            raw[at] ^= 1 << bit;
            prop_assert!(URL_SAFE_NO_PAD.encode(raw).parse::<Token>().is_err());
        }
    }
}

//! Deletion vectors: which rows of a part are dead. Format version 1.
//!
//! `ISODEAD1`, the BLAKE3 hash of what follows, the number of the manifest that it was made for, a roaring bitmap in
//! its portable serialisation. Through the number no two plans make one object.

use super::FormatError;
use bytes::Bytes;
use roaring::RoaringBitmap;

const WHAT: &str = "deletion vector";
const MAGIC: &[u8; 8] = b"ISODEAD1";
const HASH: usize = 32;
const NUMBER: usize = 8;

/// The bytes of a deletion vector that is made for the manifest of this number.
pub fn encode(dead: &RoaringBitmap, manifest: u64) -> Result<Bytes, FormatError> {
    let mut body = Vec::with_capacity(NUMBER + dead.serialized_size());
    body.extend(manifest.to_le_bytes());
    dead.serialize_into(&mut body)
        .map_err(|error| FormatError::Invalid {
            what: WHAT,
            why: error.to_string(),
        })?;
    let mut bytes = MAGIC.to_vec();
    bytes.extend(blake3::hash(&body).as_bytes());
    bytes.extend(body);
    Ok(bytes.into())
}

/// Reads a deletion vector; damage is refused.
pub fn decode(bytes: &[u8]) -> Result<RoaringBitmap, FormatError> {
    let corrupt = |why: String| FormatError::Corrupt { what: WHAT, why };
    let body = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| corrupt("it has another head".into()))?;
    let (hash, body) = body
        .split_at_checked(HASH)
        .ok_or_else(|| corrupt("it ends before its hash".into()))?;
    if blake3::hash(body).as_bytes() != hash {
        return Err(corrupt(
            "its bytes are not what its hash was made of".into(),
        ));
    }
    let mut rest = body
        .get(NUMBER..)
        .ok_or_else(|| corrupt("it ends before its bitmap".into()))?;
    let dead = RoaringBitmap::deserialize_from(&mut rest).map_err(|e| corrupt(e.to_string()))?;
    if rest.is_empty() {
        Ok(dead)
    } else {
        Err(corrupt("it has bytes too many".into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_what_it_writes_and_refuse_every_flipped_bit() {
        let dead: RoaringBitmap = (0..70_000).step_by(7).collect();
        let bytes = encode(&dead, 3).unwrap();
        assert_ne!(bytes, encode(&dead, 4).unwrap());
        assert_eq!(decode(&bytes).unwrap(), dead);
        for at in (0..bytes.len()).step_by(97) {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 4;
            assert!(decode(&flipped).is_err(), "byte {at}");
        }
        assert!(decode(&bytes[..bytes.len() - 1]).is_err());
        assert!(decode(b"").is_err());
    }
}

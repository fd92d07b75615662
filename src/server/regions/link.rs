//! How a node talks to the nodes of another region.

use super::{PUSH_BYTES, Pushed, RegionPong};
use crate::server::peers::{PeerError, Peers};
use bytes::{Buf, BufMut, Bytes, BytesMut};
use isobath_storage::model::{LogId, Seq, VersionVector};
use std::time::Duration;

/// Where segments are pushed to.
pub(crate) const SEGMENTS_PATH: &str = "/internal/v1/segments";
/// Where a region says what it holds.
pub(crate) const CLUSTER_PATH: &str = "/internal/v1/region";

impl Peers {
    /// Asks the region at `address` what it holds.
    pub async fn region(&self, address: &str, timeout: Duration) -> Result<RegionPong, PeerError> {
        let request = self.request_to(reqwest::Method::GET, address, CLUSTER_PATH);
        let failed = PeerError::at(address);
        let answer = async {
            let response = request.timeout(timeout).send().await?;
            response.error_for_status()?.json().await
        };
        answer.await.map_err(failed)
    }

    /// Pushes segments to the region at `address`; what its bucket holds as soon as it has copied them, or after a
    /// while.
    pub async fn push(
        &self,
        address: &str,
        pushed: &Pushed,
        timeout: Duration,
    ) -> Result<VersionVector, PeerError> {
        let target = format!("{SEGMENTS_PATH}?log={}&tail={}", pushed.log, pushed.tail);
        let request = self.request_to(reqwest::Method::POST, address, &target);
        let failed = PeerError::at(address);
        let answer = async {
            let request = request.body(encode(&pushed.segments));
            let response = request.timeout(timeout).send().await?;
            response.error_for_status()?.json().await
        };
        answer.await.map_err(failed)
    }
}

/// Segments behind each other, each behind its number and length, little-endian.
fn encode(segments: &[(Seq, Bytes)]) -> Bytes {
    let length = segments.iter().map(|(_, bytes)| bytes.len() + 12).sum();
    let mut out = BytesMut::with_capacity(length);
    for (seq, bytes) in segments {
        out.put_u64_le(seq.0);
        out.put_u32_le(u32::try_from(bytes.len()).unwrap_or(u32::MAX));
        out.put_slice(bytes);
    }
    out.freeze()
}

impl Pushed {
    /// What a body says about `log`; none where it is no list of segments.
    pub(crate) fn decode(log: LogId, tail: Seq, mut body: Bytes) -> Option<Self> {
        if body.len() > PUSH_BYTES {
            return None;
        }
        let mut segments = vec![];
        while !body.is_empty() {
            if body.len() < 12 {
                return None;
            }
            let (seq, length) = (body.get_u64_le(), body.get_u32_le() as usize);
            if length > body.len() {
                return None;
            }
            segments.push((Seq(seq), body.split_to(length)));
        }
        Some(Self {
            log,
            tail,
            segments,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn should_read_what_it_pushes_and_nothing_else() {
        let log: LogId = "use1/0000".parse().unwrap();
        let segments = vec![(Seq(7), Bytes::from_static(b"one")), (Seq(8), Bytes::new())];
        let body = encode(&segments);
        let pushed = Pushed::decode(log, Seq(9), body.clone()).unwrap();
        assert_eq!(pushed.segments, segments);
        for cut in [1, 11, 12, 14, body.len() - 1] {
            assert_eq!(
                Pushed::decode(log, Seq(9), body.slice(..cut)),
                None,
                "{cut}"
            );
        }
        let endless = Bytes::from(vec![0xff; PUSH_BYTES + 1]);
        assert_eq!(Pushed::decode(log, Seq(9), endless), None);
    }
}

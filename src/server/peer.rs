//! [`Peer`]: who is at the other end of a connection.

use super::tls::Entrance;
use std::net::SocketAddr;

/// The other end of the connection that a request came in on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer {
    /// Its address.
    pub(crate) address: SocketAddr,
    /// Where it came in.
    pub(super) entrance: Entrance,
}

impl Peer {
    /// Whether it has proven by a certificate that it is a node of another region.
    pub(crate) fn is_region(&self) -> bool {
        self.entrance == Entrance::Regions
    }
}

//! [`Peer`]: who is at the other end of a connection.

use std::net::SocketAddr;

/// The address at the other end of the connection that a request came in on.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Peer(pub(crate) SocketAddr);

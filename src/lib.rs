//! The parts of the isobath binary: the HTTP server and what it serves.

pub mod server;

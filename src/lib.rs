//! The parts of the isobath binary: the HTTP server, the node behind it, the process around both.

pub mod node;
pub mod process;
pub mod server;
pub mod traces;

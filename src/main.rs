//! The isobath binary: wiring only.

fn main() {}

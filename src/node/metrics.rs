//! The names of a node's metrics.

/// Gauge: parts that the namespaces of this node consist of, all together.
pub(super) const PARTS: &str = "isobath_parts";

//! The names of a node's metrics.

isobath_storage::declare_metrics! {
    /// Parts that the namespaces of this node consist of, all together.
    gauge pub(super) PARTS = "isobath_parts";
}

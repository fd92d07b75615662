//! The names of the metrics of traces.

crate::declare_metrics! {
    /// Spans of traces; label `outcome`: `exported`, or `dropped` because too many waited or nobody took them.
    counter pub SPANS = "isobath_spans_total";
}

//! [`SearchOptions`]: what `SET isobath.…` says about searches.

use datafusion::{common::config::ConfigExtension, common::extensions_options};

extensions_options! {
    /// What `SET isobath.…` says about searches.
    pub(crate) struct SearchOptions {
        /// `auto` or `exact`: whether the index may be used.
        pub search_mode: String, default = "auto".to_owned()
        /// The recall that index searches aim for; 0 = the node's.
        pub recall_target: f64, default = 0.0
        /// The length of the list of index searches; 0 = what the recall asks for.
        pub search_l: usize, default = 0
        /// The most rows, LIMIT and OFFSET together, that the index is asked for.
        pub max_k: usize, default = 10_000
    }
}

impl ConfigExtension for SearchOptions {
    const PREFIX: &'static str = "isobath";
}

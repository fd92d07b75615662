//! Views, indexes and search over one region's log.
//!
//! Inside, `view ← index ← search`: a [`view::View`] is what one query sees; [`search::run`] answers it.

pub mod index;
pub mod metrics;
pub mod search;
pub mod view;

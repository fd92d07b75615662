//! Views, indexes and search over one region's log.

//! A region's bucket: one URL → an object store, the keys of its objects, what it must be able to do.
//!
//! Everything that is wrapped around a store is put together in one place, [`compose`].

mod backend;
mod compose;
mod deadline;
mod error;
mod faults;
pub mod keys;
mod kind;
mod known_buckets;
mod layer;
mod look;
mod marker;
mod meter;
mod op;
mod options;
mod probe;
mod retry;
mod space;
mod suffix;
mod throttle;

pub use backend::Backend;
pub use compose::{Store, compose};
pub use deadline::DeadlineOptions;
pub use error::{StoreError, is_unsupported, kind_of};
pub use faults::{Fault, FaultPlan, FaultRates, Faults};
pub use kind::StoreKind;
pub use known_buckets::KnownBuckets;
pub use look::Look;
pub use marker::Marker;
pub use meter::RequestCounts;
pub use op::Op;
pub use options::StoreOptions;
pub use probe::{Check, Outcome, ProbeReport, probe};
pub use retry::RetryOptions;
pub use space::Space;
pub use suffix::get_suffix;
pub use throttle::ThrottleOptions;

#[cfg(test)]
mod tests;

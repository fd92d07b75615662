//! The functions and operators that SQL gets from us.

mod distance;
mod operators;
mod to_vector;
pub(crate) mod vector;

pub(crate) use distance::{DistanceFn, Measure};
pub(crate) use operators::VectorOperators;
pub(crate) use to_vector::{TO_VECTOR, ToVector};

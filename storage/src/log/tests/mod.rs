//! The log as a whole: several processes of one region on one store, in simulated time.

mod basics;
mod ledger;
mod region;
mod simulation;
mod world;

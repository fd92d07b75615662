//! Every knob of isobath, with unit, default and when to touch it.
//!
//! Depends on nothing else of isobath; the other crates are handed the section that concerns them.

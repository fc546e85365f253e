//! The responder on a virtual clock.

mod harness;
mod load;
mod model;
mod recovery;
mod scenarios;

//! The responder on a virtual clock.

mod admission;
mod answers;
mod driver;
mod harness;
mod load;
mod model;
mod recovery;
mod scenarios;

//! The responder on a virtual clock.

mod admission;
mod answers;
mod driver;
mod harness;
mod link;
mod load;
mod model;
mod recovery;
mod repetition;
mod scenarios;

//! The responder on a virtual clock.

mod harness;
mod model;
mod recovery;
mod scenarios;

//! The whole conversation on a virtual clock: callers, the network, the service, its store, the brokers and the devices,
//! with everything going wrong that can. One seed is one run, byte for byte.
//!
//! The engine under test is the real one. Everything around it is simulated, and a small model of the promises
//! watches from outside: what goes in, what comes out, what is on stable storage, what the devices really executed.

mod caller;
mod callers;
mod channels;
mod content;
mod devices;
mod disasters;
mod faults;
mod link;
mod oracle;
mod plan;
mod queue;
mod rng;
mod run;
mod seen;
mod service;
mod shrink;
mod sim;
mod store;
mod strangers;
mod sweep;
mod trace;
mod violation;
mod world;

pub use faults::Fault;
pub use plan::{Schedule, Size};
pub use run::{Outcome, run, run_with_trace};
pub use seen::{Event, Seen};
pub use shrink::shrink;
pub use sweep::{Sweep, Total, sweep};
pub use violation::{Invariant, Violation};

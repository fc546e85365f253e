//! Deterministic simulation of the whole conversation on a virtual clock: callers, network, service, store, brokers and
//! devices, with injected faults of every kind. A seed determines a run, byte for byte.
//!
//! The engine under test is the real one. Everything around it is simulated, and an oracle, a small model of the
//! promises, checks them from outside: what goes in, what comes out, what is on stable storage, what devices executed.

mod batch_items;
mod caller;
mod caller_actions;
mod channel_broker;
mod coverage;
mod device_broker;
mod devices;
mod disasters;
mod faults;
mod oracle;
mod plan;
mod queue;
mod rng;
mod run;
mod service;
mod shrink;
mod sim;
mod store;
mod strangers;
mod sweep;
mod trace;
mod violation;
mod world;

pub use coverage::{Coverage, Exercised};
pub use faults::Fault;
pub use plan::{Schedule, Size};
pub use run::{Outcome, run, run_with_trace};
pub use shrink::shrink;
pub use sweep::{Sweep, Total, sweep};
pub use violation::{Invariant, Violation};

//! For tests: runs the tasks of a program in the order that a seed says, on a virtual clock.
//!
//! The code under test stays what it is: tokio's tasks, channels and timers. Its tasks are wrapped with [`task`], which
//! lets others run first before each step, as often as the seed says, and sometimes holds the task up while time goes
//! on; [`select!`] asks the seed which branch is looked at first. Everything runs on one thread, on tokio's paused
//! clock, which moves on when there is nothing else to do. So one seed is one schedule, and [`explore`] tries many.
//!
//! What happens between two awaits is one step: this explores in which order steps happen, not what two threads can do
//! inside of one.

#![forbid(unsafe_code)]

mod cut;
mod explore;
mod run;
mod select;
mod task;

pub use cut::{cut, turns};
pub use explore::{Trace, explore, trace};
pub use run::{Scripted, alive, below, chance, clock_ms, note};
pub use task::{Woven, task};

/// For [`select!`].
#[doc(hidden)]
pub use tokio;

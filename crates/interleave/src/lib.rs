//! For tests: runs the tasks of a program in an order chosen by a seed, on a virtual clock.
//!
//! The code under test is unchanged and uses tokio's tasks, channels and timers. Its tasks are wrapped with [`task`], which
//! before each step lets other tasks run first, as many times as the seed says, and sometimes delays the task while the
//! clock advances; [`select!`] lets the seed choose which branch is polled first. Everything runs on one thread, on tokio's
//! paused clock, which advances when no task can run. So a seed determines a schedule, and [`explore`] runs many.
//!
//! What happens between two awaits is one step: this explores the order of steps, not what two threads can do within one.
//!
//! ```
//! use setpoint_interleave::{explore, task};
//!
//! explore("my-package", "both_tasks_are_done", 20, || async {
//!     let (one, other) = (tokio::spawn(task("one", async { 1 })), tokio::spawn(task("other", async { 2 })));
//!     assert_eq!(one.await.unwrap() + other.await.unwrap(), 3);
//! });
//! ```

#![forbid(unsafe_code)]

mod cut;
mod explore;
mod run;
mod select;
mod task;

pub use cut::{cut, turns};
pub use explore::{Trace, explore, trace};
pub use run::{Scripted, alive, below, chance, clock_ms, note};
pub use task::{ScheduledTask, task};

/// For [`select!`].
#[doc(hidden)]
pub use tokio;

//! Where nondeterminism enters: the order of tasks, the branch of a select, random numbers.
//!
//! In this crate's own tests a seed decides all of it (`setpoint-interleave`, and the clock of `setpoint-clock`);
//! elsewhere this is tokio and the operating system, unchanged.

#[cfg(not(test))]
pub(crate) use tokio::select;

#[cfg(test)]
pub(crate) use setpoint_interleave::{select, task};

/// A task of the client. Tests find it by its name.
#[cfg(not(test))]
pub(crate) fn task<F: Future>(_name: &'static str, future: F) -> F {
    future
}

/// A random number; `None` if the operating system has none.
pub(crate) fn random() -> Option<u32> {
    #[cfg(test)]
    if setpoint_interleave::clock_ms().is_some() {
        return u32::try_from(setpoint_interleave::below(1 << 32)).ok();
    }
    getrandom::u32().ok()
}

//! Everything that makes one run differ from another: which task goes first, which branch, which clock, which number.
//! In this crate's own tests a seed decides all of it; everywhere else this is tokio and the system, unchanged.

#[cfg(not(test))]
pub(crate) use tokio::select;

#[cfg(test)]
pub(crate) use setpoint_interleave::{select, task};

/// A task of the client, by its name.
#[cfg(not(test))]
pub(crate) fn task<F: Future>(_name: &'static str, future: F) -> F {
    future
}

/// A random number, if the system has one.
pub(crate) fn random() -> Option<u32> {
    #[cfg(test)]
    if setpoint_interleave::clock_ms().is_some() {
        return u32::try_from(setpoint_interleave::below(1 << 32)).ok();
    }
    getrandom::u32().ok()
}

//! The processor time that this process has used: on a machine that others use, too, it says more than the rate.

use std::time::Duration;

/// Of all threads, in user and kernel mode; `None` where the system does not say it in this way.
#[cfg(unix)]
pub(super) fn used() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(unix))]
pub(super) fn used() -> Option<Duration> {
    None
}

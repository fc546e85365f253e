//! The processor time that this process has used. On a machine that runs other things as well, it says more than a rate.

use std::time::Duration;

/// Of all threads, in user and kernel mode; `None` where the system does not report it in this way.
#[cfg(unix)]
pub(super) fn used() -> Option<Duration> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(Duration::new(u64::try_from(time.tv_sec).ok()?, u32::try_from(time.tv_nsec).ok()?))
}

#[cfg(not(unix))]
pub(super) fn used() -> Option<Duration> {
    None
}

//! The only place that reads clocks.

use std::time::{SystemTime, UNIX_EPOCH};

use setpoint::Now;

/// One reading of both clocks.
pub(crate) fn now() -> Now {
    #[cfg(test)]
    if let Some(ms) = setpoint_interleave::clock_ms() {
        return Now::new(ms, ms as i64);
    }
    let epoch_ms = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64);
    Now::new(monotonic_ms(), epoch_ms)
}

/// A clock that no step of the wall clock moves, and that goes on while the machine is suspended.
#[cfg(target_os = "linux")]
fn monotonic_ms() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::Boottime);
    time.tv_sec as u64 * 1_000 + time.tv_nsec as u64 / 1_000_000
}

#[cfg(not(target_os = "linux"))]
fn monotonic_ms() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    ORIGIN.get_or_init(Instant::now).elapsed().as_millis() as u64
}

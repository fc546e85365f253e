//! The only place that reads a clock.

use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};
use setpoint::Now;

/// The clock that deadlines run on: it counts through suspend where the system has such a one.
#[cfg(any(target_os = "linux", target_os = "android"))]
const DEADLINES: ClockId = ClockId::Boottime;
#[cfg(not(any(target_os = "linux", target_os = "android")))]
const DEADLINES: ClockId = ClockId::Monotonic;

/// Both clocks, now.
pub(crate) fn now() -> Now {
    #[cfg(test)]
    if let Some(ms) = setpoint_interleave::clock_ms() {
        return Now::new(ms, ms as i64);
    }
    let since_boot = clock_gettime(DEADLINES);
    // Neither part is negative on a clock that starts with the system.
    let instant_ms = u64::try_from(since_boot.tv_sec).unwrap_or(0).saturating_mul(1_000)
        + u64::try_from(since_boot.tv_nsec).unwrap_or(0) / 1_000_000;
    let epoch_ms = match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    };
    Now::new(instant_ms, epoch_ms)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_run_backwards() {
        let readings: Vec<_> = (0..1_000).map(|_| now().instant).collect();
        assert!(readings.is_sorted());
        assert!(now().epoch_ms > 1_600_000_000_000, "the wall clock is set");
    }
}

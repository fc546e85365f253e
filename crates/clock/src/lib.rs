//! Reads the clocks. The engine never does: its callers pass a `Now`, and this is where programs get one.
//!
//! Beside the clocks stands what all of these programs do with time: [`Backoff`], the pauses between attempts.
//!
//! Two clocks, because neither does the other's work: deadlines run on a monotonic clock that no step of the wall clock
//! moves, and timestamps in messages come from the wall clock.
//!
//! With the feature `interleave`, which belongs into `[dev-dependencies]`, both are the virtual clock of the schedule
//! that runs on this thread, if one does.

#![forbid(unsafe_code)]

mod backoff;

pub use backoff::Backoff;

use std::time::{SystemTime, UNIX_EPOCH};

/// One reading of both clocks, as the engine takes it.
///
/// ```
/// let earlier = setpoint_clock::now();
/// let later = setpoint_clock::now();
/// assert!(later.instant >= earlier.instant);
/// ```
#[cfg(feature = "engine")]
pub fn now() -> setpoint::Now {
    setpoint::Now::new(monotonic_ms(), epoch_ms())
}

/// The monotonic clock, in milliseconds since an origin that stays the same while the process runs.
///
/// On Linux and Android it is `CLOCK_BOOTTIME`, which goes on while the machine is suspended. On other Unix systems it is
/// `CLOCK_MONOTONIC`, which does so on some of them (macOS), and elsewhere the clock of [`std::time::Instant`].
pub fn monotonic_ms() -> u64 {
    virtual_ms().unwrap_or_else(system_monotonic_ms)
}

/// The wall clock, in milliseconds since the Unix epoch; negative if it is set to a time before that.
pub fn epoch_ms() -> i64 {
    if let Some(ms) = virtual_ms() {
        return i64::try_from(ms).unwrap_or(i64::MAX);
    }
    match SystemTime::now().duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

#[cfg(feature = "interleave")]
fn virtual_ms() -> Option<u64> {
    setpoint_interleave::clock_ms()
}

#[cfg(not(feature = "interleave"))]
fn virtual_ms() -> Option<u64> {
    None
}

#[cfg(unix)]
fn system_monotonic_ms() -> u64 {
    use rustix::time::{ClockId, clock_gettime};
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const DEADLINES: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const DEADLINES: ClockId = ClockId::Monotonic;
    let since_boot = clock_gettime(DEADLINES);
    // A clock that starts with the system is never negative.
    u64::try_from(since_boot.tv_sec).unwrap_or(0).saturating_mul(1_000)
        + u64::try_from(since_boot.tv_nsec).unwrap_or(0) / 1_000_000
}

#[cfg(not(unix))]
fn system_monotonic_ms() -> u64 {
    use std::{sync::OnceLock, time::Instant};
    static ORIGIN: OnceLock<Instant> = OnceLock::new();
    u64::try_from(ORIGIN.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_monotonic_clock_does_not_run_backwards() {
        let readings: Vec<_> = (0..1_000).map(|_| monotonic_ms()).collect();
        assert!(readings.is_sorted());
    }

    #[test]
    fn the_wall_clock_is_in_milliseconds() {
        // September 2020 and the year 2100.
        assert!((1_600_000_000_000..4_102_444_800_000).contains(&epoch_ms()));
    }
}

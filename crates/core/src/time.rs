//! Time, as integers that the caller passes in: the engine never reads a clock.

use core::fmt;

/// A time on a monotonic clock: milliseconds since an origin of the caller's choice.
///
/// Deadlines are on this clock, so steps of the wall clock do not change them.
/// On Linux use a clock that goes on during suspend (`CLOCK_BOOTTIME`); the crate `setpoint-clock` does.
///
/// ```
/// use setpoint::MonotonicTime;
///
/// let sent = MonotonicTime::from_millis(1_000);
/// assert_eq!(sent.saturating_add(30_000).millis_since(sent), 30_000);
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonotonicTime(u64);

impl MonotonicTime {
    /// The time `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// `millis` milliseconds later, at most the largest time.
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds since `earlier`; 0 if that is later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for MonotonicTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// One reading of both clocks, taken by the caller: `setpoint_clock::now()` reads those of the system.
///
/// ```
/// use setpoint::Now;
///
/// let now = Now::new(5_000, 1_700_000_000_000);
/// assert_eq!((now.instant.as_millis(), now.epoch_ms), (5_000, 1_700_000_000_000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "there are two clocks")]
pub struct Now {
    /// The monotonic clock, for deadlines.
    pub instant: MonotonicTime,
    /// The wall clock, in milliseconds since the Unix epoch, for `gmt…` fields of messages.
    pub epoch_ms: i64,
}

impl Now {
    /// A reading of both clocks, in milliseconds.
    pub const fn new(instant_ms: u64, epoch_ms: i64) -> Self {
        Self { instant: MonotonicTime::from_millis(instant_ms), epoch_ms }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_shown_with_its_unit() {
        assert_eq!(format!("{:?}", MonotonicTime::from_millis(1_500)), "1500ms");
    }
}

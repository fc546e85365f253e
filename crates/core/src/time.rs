//! Time comes in as integers: the engine never reads a clock.

use core::fmt;

/// A moment on a monotonic clock: milliseconds since an origin of the caller's choice.
///
/// Deadlines run on this clock, so steps of the wall clock change nothing.
/// On Linux use one that counts through suspend (`CLOCK_BOOTTIME`).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct MonotonicTime(u64);

impl MonotonicTime {
    /// The moment `millis` milliseconds after the origin.
    pub const fn from_millis(millis: u64) -> Self {
        Self(millis)
    }

    /// Milliseconds since the origin.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// This moment plus `millis`, at most the end of time.
    #[must_use]
    pub const fn saturating_add(self, millis: u64) -> Self {
        Self(self.0.saturating_add(millis))
    }

    /// Milliseconds from `earlier` to this moment, 0 if `earlier` is later.
    pub const fn millis_since(self, earlier: Self) -> u64 {
        self.0.saturating_sub(earlier.0)
    }
}

impl fmt::Debug for MonotonicTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ms", self.0)
    }
}

/// One reading of both clocks, taken by the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Now {
    /// The monotonic clock: all deadlines.
    pub instant: MonotonicTime,
    /// The wall clock, milliseconds since the Unix epoch: only what is written into `gmt…` fields.
    pub epoch_ms: i64,
}

impl Now {
    /// A reading from both clocks, in milliseconds.
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

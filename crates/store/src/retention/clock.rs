//! The wall clock, as far as it is believed.

use setpoint::Now;

/// How far the wall clock may move against the monotonic clock between two readings, in milliseconds, without being doubted.
const MAX_STEP_MS: u64 = 60 * 60 * 1_000;

/// Follows the wall clock, except steps of more than an hour: the clock may be wrong, and what is dropped cannot be had back.
/// A step is believed once the clock has agreed with it for as long as items are remembered.
#[derive(Debug, Default)]
pub(super) struct BelievedClock {
    /// The last reading that was believed.
    believed: Option<Now>,
    /// The first reading after a step.
    doubted: Option<Now>,
    /// The latest time of the wall clock that the log tells of: where a start begins to believe.
    latest_ms: Option<i64>,
}

impl BelievedClock {
    /// The log tells of this time.
    pub(super) fn saw(&mut self, epoch_ms: i64) {
        self.latest_ms = self.latest_ms.max(Some(epoch_ms));
    }

    /// The time by which records may be dropped. While a step is doubted, the earlier of the wall clock and the time by the last
    /// believed reading. `window_ms` is how long a step is doubted.
    pub(super) fn read(&mut self, now: Now, window_ms: u64) -> i64 {
        let known = self.latest_ms.map(|epoch_ms| Now { epoch_ms, ..now });
        let believed = *self.believed.get_or_insert_with(|| known.unwrap_or(now));
        if agree(believed, now) {
            self.believed = Some(now);
            self.doubted = None;
            return now.epoch_ms;
        }
        let doubted = match self.doubted {
            Some(doubted) if agree(doubted, now) => doubted,
            _ => *self.doubted.insert(now),
        };
        if now.instant.millis_since(doubted.instant) >= window_ms {
            self.believed = Some(now);
            self.doubted = None;
            return now.epoch_ms;
        }
        expected_ms(believed, now).min(now.epoch_ms)
    }

    /// By how much the wall clock has stepped, while the step is not believed.
    pub(super) fn step_ms(&self) -> Option<i64> {
        let (believed, doubted) = (self.believed?, self.doubted?);
        Some(doubted.epoch_ms.saturating_sub(expected_ms(believed, doubted)))
    }
}

fn agree(earlier: Now, now: Now) -> bool {
    now.epoch_ms.abs_diff(expected_ms(earlier, now)) <= MAX_STEP_MS
}

/// What the wall clock should say now, by the monotonic clock.
fn expected_ms(earlier: Now, now: Now) -> i64 {
    let passed = now.instant.millis_since(earlier.instant);
    earlier.epoch_ms.saturating_add_unsigned(passed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: i64 = 60 * 60 * 1_000;
    const DAY: u64 = 24 * 60 * 60 * 1_000;
    const START: i64 = 1_700_000_000_000;

    /// `hours` after the start by the monotonic clock, with the wall clock `step` hours off.
    fn at(hours: u64, step: i64) -> Now {
        Now::new(hours * HOUR as u64, START + (hours as i64 + step) * HOUR)
    }

    #[test]
    fn a_clock_that_goes_right_is_believed_and_so_are_small_steps() {
        let mut clock = BelievedClock::default();
        for (hours, step) in [(0, 0), (1, 0), (50, 1), (51, 0), (52, -1)] {
            assert_eq!(clock.read(at(hours, step), DAY), at(hours, step).epoch_ms);
            assert_eq!(clock.step_ms(), None);
        }
    }

    #[test]
    fn a_step_forward_is_believed_after_a_window_and_until_then_time_goes_on_as_before() {
        let mut clock = BelievedClock::default();
        clock.read(at(0, 0), DAY);
        for hours in 1..25 {
            assert_eq!(clock.read(at(hours, 5), DAY), at(hours, 0).epoch_ms, "after {hours} hours");
            assert_eq!(clock.step_ms(), Some(5 * HOUR));
        }
        assert_eq!(clock.read(at(25, 5), DAY), at(25, 5).epoch_ms);
        assert_eq!(clock.step_ms(), None);
    }

    #[test]
    fn after_a_step_back_nothing_is_dropped_before_the_clock_says_so() {
        let mut clock = BelievedClock::default();
        clock.read(at(0, 0), DAY);
        assert_eq!(clock.read(at(1, -5), DAY), at(1, -5).epoch_ms);
        assert_eq!(clock.step_ms(), Some(-5 * HOUR));
    }

    #[test]
    fn a_step_that_is_taken_back_is_forgotten_and_each_new_one_is_doubted_for_as_long() {
        let mut clock = BelievedClock::default();
        clock.read(at(0, 0), DAY);
        clock.read(at(1, 5), DAY);
        assert_eq!(clock.read(at(2, 0), DAY), at(2, 0).epoch_ms);
        clock.read(at(3, 5), DAY);
        assert_eq!(clock.read(at(20, 9), DAY), at(20, 0).epoch_ms);
        assert_eq!(clock.read(at(43, 9), DAY), at(43, 0).epoch_ms);
        assert_eq!(clock.read(at(44, 9), DAY), at(44, 9).epoch_ms);
    }

    #[test]
    fn a_start_believes_what_the_log_tells_of_before_it_believes_the_clock() {
        let mut clock = BelievedClock::default();
        clock.saw(START);
        clock.saw(START - HOUR);
        assert_eq!(clock.read(at(0, 50), DAY), START);
        assert_eq!(clock.read(at(24, 50), DAY), at(24, 50).epoch_ms);
        let mut empty = BelievedClock::default();
        assert_eq!(empty.read(at(0, 50), DAY), at(0, 50).epoch_ms);
    }
}

//! Counts and latencies of a measurement.

use std::time::Duration;

use tokio::time::Instant;

use super::item::{End, How};
use crate::latency::Latencies;

/// When it is measured: from the end of the warm-up on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    pub(super) from: Instant,
    pub(super) until: Instant,
}

impl Window {
    fn holds(&self, at: Instant) -> bool {
        self.from <= at && at < self.until
    }
}

/// Counts of all items, and the latencies of those that were to be sent within the window.
#[derive(Debug)]
pub(super) struct Tally {
    window: Window,
    pub(super) submitted: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) refused: u64,
    pub(super) timed_out: u64,
    pub(super) cancelled: u64,
    /// Items that had not ended when everything was over.
    pub(super) unended: u64,
    /// Further ends of items that had ended.
    pub(super) ended_again: u64,
    /// Successes that carry another item's input.
    pub(super) misattributed: u64,
    /// Items that succeeded within the window.
    in_window: u64,
    /// From the moment at which the batch was to be sent to the item's success.
    pub(super) latencies: Latencies,
}

impl Tally {
    pub(super) fn new(window: Window) -> Self {
        Self {
            window,
            submitted: 0,
            succeeded: 0,
            failed: 0,
            refused: 0,
            timed_out: 0,
            cancelled: 0,
            unended: 0,
            ended_again: 0,
            misattributed: 0,
            in_window: 0,
            latencies: Latencies::new(),
        }
    }

    /// Adds a batch: the number of its items, when it was to be sent, and the ends of its items.
    pub(super) fn batch(&mut self, items: usize, intended: Instant, ends: &[End]) {
        let timed = self.window.holds(intended);
        let mut ended = vec![false; items];
        for end in ends {
            match ended.get_mut(end.index) {
                Some(ended) if !*ended => *ended = true,
                _ => {
                    self.ended_again += 1;
                    continue;
                }
            }
            let count = match end.how {
                How::Succeeded => &mut self.succeeded,
                How::Failed => &mut self.failed,
                How::Refused => &mut self.refused,
                How::TimedOut => &mut self.timed_out,
                How::Cancelled => &mut self.cancelled,
            };
            *count += 1;
            if end.how != How::Succeeded {
                continue;
            }
            self.misattributed += u64::from(!end.own);
            self.in_window += u64::from(self.window.holds(end.at));
            if timed {
                self.latencies.record(end.at.saturating_duration_since(intended));
            }
        }
        self.submitted += items as u64;
        self.unended += ended.iter().filter(|ended| !**ended).count() as u64;
    }

    /// Successes a second within the window.
    pub(super) fn rate(&self) -> f64 {
        self.in_window as f64
            / self.window.until.duration_since(self.window.from).max(Duration::from_millis(1)).as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end(index: usize, how: How, at: Instant) -> End {
        End { index, how, at, own: true }
    }

    #[test]
    fn the_rate_counts_ends_within_the_window_and_times_count_from_the_intended_moment() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut tally = Tally::new(Window { from: at(1_000), until: at(3_000) });
        // Sent during the warm-up: one of its ends counts for the rate, none for the times.
        tally.batch(2, at(900), &[end(0, How::Succeeded, at(950)), end(1, How::Succeeded, at(1_000))]);
        // Ended after the window: the other way round.
        tally.batch(2, at(2_900), &[end(0, How::Succeeded, at(2_950)), end(1, How::Succeeded, at(3_400))]);
        assert!((tally.rate() - 1.0).abs() < 1e-9);
        assert_eq!((tally.latencies.len(), tally.submitted, tally.succeeded), (2, 4, 4));
        assert!(tally.latencies.max_ms() >= 500.0 && tally.latencies.quantile_ms(0.0) <= 50.1);
    }

    #[test]
    fn items_that_ended_never_or_twice_or_with_anothers_answer_are_counted_apart() {
        let now = Instant::now();
        let mut tally = Tally::new(Window { from: now, until: now + Duration::from_secs(1) });
        let foreign = End { own: false, ..end(2, How::Succeeded, now) };
        let ends = [end(0, How::Failed, now), end(0, How::Succeeded, now), foreign, end(9, How::Succeeded, now)];
        tally.batch(4, now, &ends);
        assert_eq!((tally.unended, tally.ended_again, tally.misattributed), (2, 2, 1));
        assert_eq!((tally.succeeded, tally.failed), (1, 1));
    }
}

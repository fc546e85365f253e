//! Latencies, as demo and bench measure them.

use std::time::Duration;

use hdrhistogram::Histogram;

/// A histogram of latencies from 1 µs to 10 minutes, with three significant digits.
#[derive(Debug)]
pub(crate) struct Latencies(Histogram<u64>);

impl Latencies {
    pub(crate) fn new() -> Self {
        const TEN_MINUTES_US: u64 = 600_000_000;
        Self(Histogram::new_with_bounds(1, TEN_MINUTES_US, 3).expect("the bounds are constants, and in order"))
    }

    /// Adds one. What is above 10 minutes counts as 10 minutes.
    pub(crate) fn record(&mut self, latency: Duration) {
        self.0.saturating_record(u64::try_from(latency.as_micros()).unwrap_or(u64::MAX));
    }

    pub(crate) fn len(&self) -> u64 {
        self.0.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The latency in milliseconds below which this share (0 to 1) of all lie.
    pub(crate) fn quantile_ms(&self, quantile: f64) -> f64 {
        ms(self.0.value_at_quantile(quantile))
    }

    pub(crate) fn max_ms(&self) -> f64 {
        ms(self.0.max())
    }
}

fn ms(micros: u64) -> f64 {
    micros as f64 / 1_000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_and_maximum_are_in_milliseconds_with_three_digits() {
        let mut latencies = Latencies::new();
        assert!(latencies.is_empty());
        for ms in 1..=100 {
            latencies.record(Duration::from_millis(ms));
        }
        latencies.record(Duration::from_secs(3_600));
        assert_eq!(latencies.len(), 101);
        assert!((latencies.quantile_ms(0.5) - 51.0).abs() < 0.1, "{}", latencies.quantile_ms(0.5));
        assert!((latencies.max_ms() / 600_000.0 - 1.0).abs() < 0.001, "{}", latencies.max_ms());
    }
}

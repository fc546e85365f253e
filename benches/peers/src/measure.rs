//! Running variants in turns, so that whatever else happens on the machine happens to all of them.

use std::{hint::black_box, time::Duration};

use rustix::time::{ClockId, clock_gettime};
use serde::Serialize;

/// CPU time that this thread has used: what others take from it does not count.
pub fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    // The clock starts at zero and counts up.
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.unsigned_abs() as u32)
}

/// Nanoseconds of CPU time that a piece of work takes.
pub fn nanos<T>(work: impl FnOnce() -> T) -> f64 {
    let start = cpu_time();
    black_box(work());
    (cpu_time() - start).as_nanos() as f64
}

/// One variant: does its work once and says what an item took, in nanoseconds.
pub type Variant<C> = (&'static str, fn(&mut C) -> f64);

/// What one variant took in each round.
#[derive(Debug, Clone, Serialize)]
pub struct Series {
    /// The variant's name.
    pub name: &'static str,
    /// Nanoseconds an item, round by round.
    pub samples: Vec<f64>,
}

/// Runs every variant once to warm up, and then in each of so many rounds, every time another one first.
pub fn round_robin<C>(context: &mut C, rounds: usize, variants: &[Variant<C>], mut tick: impl FnMut()) -> Vec<Series> {
    let mut all: Vec<Series> = variants.iter().map(|(name, _)| Series { name, samples: Vec::new() }).collect();
    for round in 0..=rounds {
        for turn in 0..variants.len() {
            let at = (turn + round) % variants.len();
            let nanos = variants[at].1(context);
            if round > 0 {
                all[at].samples.push(nanos);
            }
        }
        tick();
    }
    all
}

/// A middle value and how far the others lie from it.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct Spread {
    /// A tenth of the values is lower.
    pub low: f64,
    /// The median.
    pub median: f64,
    /// A tenth of the values is higher.
    pub high: f64,
}

impl Spread {
    /// Of these values; all zero if there are none.
    pub fn of(values: impl IntoIterator<Item = f64>) -> Self {
        let mut values: Vec<f64> = values.into_iter().collect();
        values.sort_by(f64::total_cmp);
        let at = |part: f64| values.get(((values.len().max(1) - 1) as f64 * part).round() as usize).copied();
        let [low, median, high] = [0.1, 0.5, 0.9].map(|part| at(part).unwrap_or_default());
        Self { low, median, high }
    }

    /// A value that was measured once.
    pub fn exactly(value: f64) -> Self {
        Self { low: value, median: value, high: value }
    }
}

/// Every sample of `of` divided by the sample of `by` in the same round.
pub fn ratio(of: &Series, by: &Series) -> Spread {
    Spread::of(of.samples.iter().zip(&by.samples).map(|(of, by)| of / by))
}

/// A series less another, round by round: what is left when the other's work is left out.
pub fn less(name: &'static str, of: &Series, other: &Series) -> Series {
    Series { name, samples: of.samples.iter().zip(&other.samples).map(|(of, other)| of - other).collect() }
}

/// The series of that name.
///
/// # Panics
/// There is none.
pub fn find<'s>(all: &'s [Series], name: &str) -> &'s Series {
    all.iter().find(|series| series.name == name).expect("a variant of this name")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_variant_runs_once_a_round_and_warm_up_does_not_count() {
        let variants: [Variant<[f64; 2]>; 2] = [
            ("a", |counts| {
                counts[0] += 1.0;
                counts[0]
            }),
            ("b", |counts| {
                counts[1] += 2.0;
                counts[1]
            }),
        ];
        let all = round_robin(&mut [0.0; 2], 3, &variants, || {});
        assert_eq!((&all[0].samples, &all[1].samples), (&vec![2.0, 3.0, 4.0], &vec![4.0, 6.0, 8.0]));
        assert!((ratio(find(&all, "b"), find(&all, "a")).median - 2.0).abs() < 1e-9);
    }

    #[test]
    fn a_spread_is_in_order() {
        let spread = Spread::of((0..=100).rev().map(f64::from));
        assert_eq!((spread.low, spread.median, spread.high), (10.0, 50.0, 90.0));
    }
}

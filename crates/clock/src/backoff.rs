//! Pauses between attempts.

use std::time::Duration;

/// Exponential back-off with jitter: each step is twice the one before, up to a longest one, and a pause takes between
/// half of its step and all of it, so that many clients do not come back at the same moment.
///
/// The random number comes from the caller, so that a test's seed can choose it.
///
/// ```
/// use std::time::Duration;
/// use setpoint_clock::Backoff;
///
/// let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5));
/// assert_eq!(backoff.pause(0), Duration::from_millis(50));
/// assert_eq!(backoff.pause(u32::MAX), Duration::from_millis(200));
/// backoff.reset();
/// assert_eq!(backoff.pause(u32::MAX), Duration::from_millis(100));
/// ```
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    next: Duration,
}

impl Backoff {
    /// Steps from `first` up to `longest`; if that is shorter than `first`, every step is `first`.
    pub fn new(first: Duration, longest: Duration) -> Self {
        Self { first, longest: longest.max(first), next: first }
    }

    /// The next pause. `random` chooses it between half of the step (0) and all of it ([`u32::MAX`]).
    pub fn pause(&mut self, random: u32) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.longest);
        let half = step / 2;
        half + half.mul_f64(f64::from(random) / f64::from(u32::MAX))
    }

    /// The attempt succeeded: the next pause is of the first step again.
    pub fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_double_up_to_the_longest_and_a_pause_is_between_half_of_its_step_and_all_of_it() {
        let ms = Duration::from_millis;
        for random in [0, 1 << 31, u32::MAX] {
            let mut backoff = Backoff::new(ms(100), ms(450));
            for step in [100, 200, 400, 450, 450] {
                let pause = backoff.pause(random);
                assert!(pause >= ms(step) / 2 && pause <= ms(step), "{pause:?} at {step}");
            }
            backoff.reset();
            assert!(backoff.pause(random) <= ms(100));
        }
    }

    #[test]
    fn a_longest_step_below_the_first_is_the_first() {
        let mut backoff = Backoff::new(Duration::from_secs(2), Duration::from_secs(1));
        assert_eq!([backoff.pause(u32::MAX), backoff.pause(u32::MAX)], [Duration::from_secs(2); 2]);
    }
}

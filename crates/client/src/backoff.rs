//! How long to wait before trying again.

use std::time::Duration;

/// Doubling pauses with jitter, from `first` up to `most`.
#[derive(Debug, Clone)]
pub(crate) struct Backoff {
    first: Duration,
    most: Duration,
    next: Duration,
}

impl Backoff {
    pub(crate) fn new(first: Duration, most: Duration) -> Self {
        let most = most.max(first);
        Self { first, most, next: first }
    }

    /// The next pause: between half and all of the step, so that many clients do not come back at once.
    pub(crate) fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = step.saturating_mul(2).min(self.most);
        let half = step / 2;
        // Without random bits there is merely no jitter.
        let share = crate::seam::random().unwrap_or(u32::MAX);
        half + half.mul_f64(f64::from(share) / f64::from(u32::MAX))
    }

    /// It worked: the next pause is the first one again.
    pub(crate) fn reset(&mut self) {
        self.next = self.first;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_most_and_stay_within_half_and_all_of_the_step() {
        let ms = Duration::from_millis;
        let mut backoff = Backoff::new(ms(100), ms(450));
        for step in [100, 200, 400, 450, 450] {
            let pause = backoff.pause();
            assert!(pause >= ms(step) / 2 && pause <= ms(step), "{pause:?} at {step}");
        }
        backoff.reset();
        assert!(backoff.pause() <= ms(100));
    }
}

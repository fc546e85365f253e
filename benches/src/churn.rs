//! A requester with so many items in flight, forever: some submitted, some answered, some expired at every step.

use std::num::NonZeroUsize;

use setpoint::{
    Family, Now, Requester,
    requester::{Event, RequesterConfig},
};

use crate::{EPOCH_MS, ORG, nth_id, small};

/// What every item asks for, in milliseconds.
const TIMEOUT_MS: u64 = 30_000;

/// Keeps a number of items in flight on a virtual clock. Nine in ten are answered, at random between their submission
/// and their deadline; the tenth expires. Bodies and messages are the [smallest](small) that there are.
#[derive(Debug)]
pub struct Churn {
    requester: Requester,
    rng: fastrand::Rng,
    /// Items submitted with each step.
    batch: usize,
    /// For each of the next steps, who is answered then.
    due: Vec<Vec<u64>>,
    step: usize,
    submitted: u64,
}

/// The input of one step, made before it is taken.
#[derive(Debug)]
pub struct Step {
    /// The batch to submit.
    pub body: Vec<u8>,
    /// The message that comes, unless nobody is answered now.
    pub message: Option<Vec<u8>>,
    /// When.
    pub now: Now,
}

impl Churn {
    /// A requester with about so many items in flight, once it has been [filled](Self::fill).
    pub fn new(in_flight: usize) -> Self {
        let batch = (in_flight / 10).clamp(1, 100);
        // On average an item stays for 0.9 · ½ + 0.1 · 1 = 0.55 of its timeout.
        let steps_per_timeout = (in_flight * 20).div_ceil(batch * 11).max(2);
        let mut config = RequesterConfig::default();
        config.grace_ms = 0;
        config.open_items = NonZeroUsize::MIN.saturating_add(2 * in_flight + 1_000);
        Self {
            requester: Requester::new(ORG, config, [7; 32]),
            rng: fastrand::Rng::with_seed(crate::SEED),
            batch,
            due: vec![Vec::new(); steps_per_timeout],
            step: 0,
            submitted: 0,
        }
    }

    /// Takes steps until as many items expire as go unanswered.
    pub fn fill(&mut self) {
        for _ in 0..=self.due.len() {
            let step = self.prepare();
            self.submit(step.body, step.now);
            if let Some(message) = step.message {
                self.ingest(&message);
            }
            self.expire(step.now);
            while self.poll().is_some() {}
        }
    }

    /// Makes the input of the next step.
    pub fn prepare(&mut self) -> Step {
        self.step += 1;
        let slots = self.due.len();
        let ids = self.submitted..self.submitted + self.batch as u64;
        self.submitted = ids.end;
        let slot = self.step % slots;
        let answered = std::mem::take(&mut self.due[slot]);
        for id in ids.clone().filter(|id| id % 10 != 7) {
            let delay = self.rng.usize(1..slots.max(2));
            self.due[(self.step + delay) % slots].push(id);
        }
        let elapsed = self.step as u64 * TIMEOUT_MS / slots as u64;
        Step {
            body: small::batch(ids.map(|id| (nth_id(id), TIMEOUT_MS as u32))),
            message: (!answered.is_empty()).then(|| small::message(answered.iter().map(|id| nth_id(*id)))),
            now: Now::new(elapsed, EPOCH_MS.saturating_add_unsigned(elapsed)),
        }
    }

    /// Submits a step's batch.
    ///
    /// # Panics
    /// The requester does not take it.
    pub fn submit(&mut self, body: Vec<u8>, now: Now) {
        let sent = self.requester.submit_body(Family::Invoke, body, now).expect("a batch with fresh ids");
        assert_eq!(sent.items, self.batch);
    }

    /// Takes a step's message.
    ///
    /// # Panics
    /// The requester cannot read it.
    pub fn ingest(&mut self, message: &[u8]) {
        self.requester.handle_message(message).expect("a message");
    }

    /// Ends what has expired.
    pub fn expire(&mut self, now: Now) {
        self.requester.handle_timeout(now);
    }

    /// The next event.
    pub fn poll(&mut self) -> Option<Event> {
        self.requester.poll_event()
    }

    /// Items in flight now.
    pub fn open_items(&self) -> usize {
        self.requester.open_items()
    }

    /// Items submitted with each step.
    pub fn batch(&self) -> usize {
        self.batch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn so_many_stay_in_flight_and_every_item_ends_once() {
        for in_flight in [1, 10, 1_000, 20_000] {
            let mut churn = Churn::new(in_flight);
            churn.fill();
            let (mut finished, mut timed_out) = (0_usize, 0_usize);
            for _ in 0..2 * churn.due.len() {
                let step = churn.prepare();
                churn.submit(step.body, step.now);
                if let Some(message) = step.message {
                    churn.ingest(&message);
                }
                churn.expire(step.now);
                while let Some(event) = churn.poll() {
                    match event {
                        Event::Finished { .. } => finished += 1,
                        Event::TimedOut { .. } => timed_out += 1,
                        Event::Accepted { .. } | Event::BatchDone { .. } => {}
                        other => panic!("{other:?}"),
                    }
                }
                if in_flight >= 1_000 {
                    let open = churn.open_items();
                    assert!((in_flight * 9 / 10..in_flight * 11 / 10 + 100).contains(&open), "{in_flight}: {open}");
                }
            }
            let ended = finished + timed_out;
            assert!(ended > 0 && (in_flight < 1_000 || (ended / 11..ended / 9).contains(&timed_out)));
        }
    }
}

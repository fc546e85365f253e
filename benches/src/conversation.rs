//! A whole conversation in memory: a requester, a responder, and devices that answer as soon as they all have their
//! commands.

use std::num::NonZeroUsize;

use setpoint::{
    Family, Limits, Now, Requester, Responder,
    requester::{Event, RequestBatchId, RequesterConfig},
    responder::{CheckedBatch, Effect, HandedOver, ResponderConfig},
};

use crate::{EPOCH_MS, ORG, Park};

/// Both sides and the devices, on a virtual clock. The store, the broker and the channel confirm at once.
#[derive(Debug)]
pub struct Conversation {
    requester: Requester,
    responder: Responder,
    park: Park,
    now_ms: u64,
}

impl Conversation {
    /// Nothing said yet.
    pub fn new() -> Self {
        let mut config = ResponderConfig::default();
        config.pending_per_device = NonZeroUsize::MAX;
        config.hand_over_window = NonZeroUsize::MAX;
        // Ids are forgotten from one batch to the next, so that every batch finds the same tables.
        config.dedup_window_ms = 1_000;
        let mut responder = Responder::new(config, [1; 32]);
        let now_ms = 10_000;
        responder.handle_link(true, now(now_ms));
        let requester = Requester::new(ORG, RequesterConfig::default(), [2; 32]);
        Self { requester, responder, park: Park::new(), now_ms }
    }

    /// Sends the batch, lets every device answer, and returns how many items ended with success.
    ///
    /// # Panics
    /// One side does not understand the other.
    pub fn hold(&mut self, family: Family, body: Vec<u8>) -> usize {
        self.now_ms += 2_000;
        let now = now(self.now_ms);
        self.responder.handle_timeout(now);
        let sent = self.requester.submit_body(family, body, now).expect("a batch with fresh ids");
        let received = CheckedBatch::read(sent.body, family, ORG, &self.park, &Limits::DEFAULT, now);
        self.responder.handle_batch(received, now);
        let mut answers = self.carry_out(sent.batch, now);
        while !answers.is_empty() {
            for (topic, payload) in answers.drain(..) {
                self.responder.handle_device_message(&topic, payload.as_bytes(), now);
            }
            answers = self.carry_out(sent.batch, now);
        }
        let mut succeeded = 0;
        while let Some(event) = self.requester.poll_event() {
            succeeded += usize::from(matches!(event, Event::Finished { outcome, .. } if outcome.is_success()));
        }
        succeeded
    }

    /// Does what the responder asks for, and returns what the devices have to say to it: topics and payloads.
    fn carry_out(&mut self, batch: RequestBatchId, now: Now) -> Vec<(String, String)> {
        let mut answers = Vec::new();
        while let Some(effect) = self.responder.poll_effect(now) {
            match effect {
                Effect::Persist { write, .. } => self.responder.handle_persisted(write, now),
                Effect::Answer { body, .. } => {
                    self.requester.handle_response(batch, &body, now).expect("a response");
                }
                Effect::HandOver { message_id, mut topic, .. } => {
                    self.responder.handle_handed_over(message_id, HandedOver::Taken, now);
                    topic.push_str("_reply");
                    let answer = format!(r#"{{"id":"{message_id}","code":200,"data":{{"actualPower":1248.5}}}}"#);
                    answers.push((topic, answer));
                }
                Effect::Publish { publication, body, .. } => {
                    self.requester.handle_message(&body).expect("a channel message");
                    self.responder.handle_published(publication);
                }
                other => panic!("an effect that nobody here carries out: {other:?}"),
            }
        }
        answers
    }
}

impl Default for Conversation {
    fn default() -> Self {
        Self::new()
    }
}

fn now(now_ms: u64) -> Now {
    Now::new(now_ms, EPOCH_MS.saturating_add_unsigned(now_ms))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch_from;

    #[test]
    fn every_valid_item_succeeds() {
        let mut rng = fastrand::Rng::with_seed(crate::SEED);
        let mut conversation = Conversation::new();
        for family in [Family::Invoke, Family::Write] {
            for items in [1, 100, 1_000] {
                let batch = batch_from(&mut rng, family, items);
                assert_eq!(conversation.hold(family, batch.body), items - batch.refused);
            }
        }
    }
}

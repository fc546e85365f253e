//! Rebuilds a responder from the records of its store.

use std::sync::Arc;

use crate::MessageId;

use super::{
    FinalOutcome, Record, Responder, ResponderConfig, StoredCommand,
    item::{Attempt, Decision, Delivery, State},
};

/// Rebuilds a [`Responder`] from the records of a store, one after the other, in the order in which they were written.
///
/// It keeps what the responder will keep, and nothing else: a store can stream a log of any length. Records of unknown or
/// forgotten items change nothing, and neither do repeated ones.
///
/// Timers resume with the time left by the wall clock, never with more than the original timeout. A command whose intent
/// is stored is not sent again, unless its device de-duplicates. Finals whose publication is not stored are published.
///
/// ```
/// use setpoint::{Now, responder::{Record, ResponderConfig, Restore}};
///
/// // From the system: 32 random bytes, new at every start, and a reading of the clocks.
/// let (seed, now) = ([7; 32], Now::new(1_000, 1_700_000_000_000));
/// let mut restore = Restore::new(ResponderConfig::default(), seed, now);
/// # let log: Vec<Record> = Vec::new();
/// for record in log {
///     restore.record(record);
/// }
/// let responder = restore.finish();
/// assert_eq!(responder.stats().pending, 0);
/// ```
#[derive(Debug)]
pub struct Restore(Responder);

impl Restore {
    /// `seed` is as for [`Responder::new`]. The time left until each deadline is reckoned from `now`.
    pub fn new(config: ResponderConfig, seed: [u8; 32], now: crate::Now) -> Self {
        let mut responder = Responder::new(config, seed);
        responder.advance_clocks(now);
        Self(responder)
    }

    /// Replays the next record.
    pub fn record(&mut self, record: Record) {
        let responder = &mut self.0;
        match record {
            Record::Accepted(command) => responder.replay_accepted(command),
            Record::Intent { message_id } => responder.replay_intent(message_id),
            Record::Final { message_id, outcome } => responder.replay_final(message_id, outcome),
            Record::Published { message_id } | Record::Undeliverable { message_id } => {
                responder.replay_end(message_id);
            }
        }
    }

    /// The responder, ready for inputs. Items that still have to be sent or published are queued in the order of acceptance.
    pub fn finish(self) -> Responder {
        let mut responder = self.0;
        let mut open: Vec<_> = responder.items.iter().map(|(key, item)| (item.order, key)).collect();
        open.sort_unstable_by_key(|(order, _)| *order);
        for (_, key) in open {
            match responder.items.get(key).map(|item| &item.state) {
                Some(State::Accepted) => responder.acceptance_stored(key),
                Some(State::Decided(_)) => responder.final_stored(key),
                _ => {}
            }
        }
        responder.forget_request_ids();
        responder
    }
}

impl Responder {
    fn replay_accepted(&mut self, command: Arc<StoredCommand>) {
        if self.items.find(&command.message_id).is_some() {
            return;
        }
        // A wall clock that stepped back would give more than the original timeout: no item is younger than 0.
        let age_ms = self.now.epoch_ms.saturating_sub(command.accepted_at_epoch_ms).max(0).unsigned_abs();
        let left_ms = u64::from(command.timeout_ms).saturating_sub(age_ms);
        let deadline = self.now.instant.saturating_add(left_ms);
        let remember_ms = self.config.dedup_window_ms.saturating_sub(age_ms);
        self.orgs.remember(&command, self.now.instant.saturating_add(remember_ms));
        self.enter(command, deadline);
    }

    fn replay_intent(&mut self, message_id: MessageId) {
        let Some(key) = self.items.find(&message_id) else { return };
        let Some(item) = self.items.get(key).filter(|item| item.state.is_in_flight()) else { return };
        // Of a decided item it changes nothing: a store may repeat all records of an open item.
        let next =
            if item.command.device.deduplicates { State::Ready(Attempt::Again) } else { State::Left(Attempt::First) };
        self.change(key, |state| *state = next);
    }

    fn replay_final(&mut self, message_id: MessageId, outcome: Arc<FinalOutcome>) {
        let Some(key) = self.items.find(&message_id) else { return };
        let heard = (outcome.device_reply_epoch_ms >= 0).then(|| self.digest_of_final(&outcome));
        if self.items.get(key).is_some_and(|item| item.state.is_in_flight()) {
            let decision = Decision { outcome, heard, delivery: Delivery::Storing };
            self.change(key, |state| *state = State::Decided(decision));
        }
    }

    fn replay_end(&mut self, message_id: MessageId) {
        let Some(key) = self.items.find(&message_id) else { return };
        match self.items.get(key).map(|item| &item.state) {
            Some(State::Decided(Decision { delivery: Delivery::Over, .. })) | None => {}
            Some(State::Decided(_)) => self.end(key),
            // A store that has lost the final: what was published is over all the same.
            Some(_) => self.remove(key),
        }
    }
}

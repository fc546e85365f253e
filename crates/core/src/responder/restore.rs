//! The responder rebuilt from what its store kept.

use std::sync::Arc;

use crate::MessageId;

use super::{ChannelKey, FinalOutcome, Item, Key, Record, Responder, ResponderConfig, Stage, StoredCommand};

/// Rebuilds a [`Responder`] from the records of a store, one after the other, in the order in which they were written.
///
/// It keeps what the responder itself will keep, and no record beyond that: a store can stream a log of any length.
/// Records of items that it does not know (any more), and records that say again what is known, change nothing.
///
/// Timers resume with what is left by the wall clock, never with more than the original timeout.
/// What was intended is not sent again, unless its device de-duplicates. Unpublished finals are published (again).
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
    /// `seed` as for [`Responder::new`]; deadlines are reckoned from `now`.
    pub fn new(config: ResponderConfig, seed: [u8; 32], now: crate::Now) -> Self {
        let mut responder = Responder::new(config, seed);
        responder.see(now);
        Self(responder)
    }

    /// Replays the next record.
    pub fn record(&mut self, record: Record) {
        let responder = &mut self.0;
        match record {
            Record::Accepted(command) => responder.replay_accepted(command),
            Record::Intent { message_id } => responder.replay_intent(message_id),
            Record::Final { .. } if canary!("record-skipped") => {}
            Record::Final { message_id, outcome } => responder.replay_final(message_id, outcome),
            Record::Published { message_id } | Record::Undeliverable { message_id } => {
                responder.replay_end(message_id);
            }
        }
    }

    /// The responder that wrote the records, as far as they say. Items that still have to be sent or published are in line
    /// again, in the order of their acceptance.
    pub fn finish(self) -> Responder {
        let mut responder = self.0;
        let mut open: Vec<_> = responder.items.iter().map(|(key, item)| (item.order, key)).collect();
        open.sort_unstable_by_key(|(order, _)| *order);
        for (_, key) in open {
            match responder.items.get(key).map(|item| &item.stage) {
                Some(Stage::Waiting) => responder.make_ready(key),
                Some(Stage::Decided(_)) if canary!("outbox-lost") => {}
                Some(Stage::Decided(_)) => responder.line_up(key),
                Some(Stage::HandedOver) | None => {}
            }
        }
        responder.forget();
        responder
    }
}

impl Responder {
    fn replay_accepted(&mut self, command: Arc<StoredCommand>) {
        if self.items.find(&command.message_id).is_some() {
            return;
        }
        // A wall clock that stepped back would give more than the original timeout: the difference stays between bounds.
        let age_ms = self.now.epoch_ms.saturating_sub(command.accepted_at_epoch_ms).max(0).unsigned_abs();
        let passed_ms = if canary!("full-timeout-again") { 0 } else { age_ms };
        let left_ms = u64::from(command.timeout_ms).saturating_sub(passed_ms);
        let deadline = self.now.instant.saturating_add(left_ms);
        let remember_ms = self.config.dedup_window_ms.saturating_sub(age_ms);
        if !canary!("ids-lost") {
            self.orgs.remember(&command, self.now.instant.saturating_add(remember_ms));
        }
        self.enter(command, deadline);
    }

    fn replay_intent(&mut self, message_id: MessageId) {
        let Some(item) = self.items.find(&message_id).and_then(|key| self.items.get_mut(key)) else { return };
        if item.command.device.deduplicates || canary!("sent-after-crash") {
            item.sent_before = true;
        } else if matches!(item.stage, Stage::Waiting) {
            // After its final (a store may repeat all records of an open item) it changes nothing.
            item.stage = Stage::HandedOver;
        }
    }

    fn replay_final(&mut self, message_id: MessageId, outcome: Arc<FinalOutcome>) {
        let Some(key) = self.items.find(&message_id) else { return };
        let heard = (outcome.device_reply_epoch_ms >= 0).then(|| self.digest_of_final(&outcome));
        let Some(item) = self.items.get_mut(key).filter(|item| !matches!(item.stage, Stage::Decided(_))) else {
            return;
        };
        item.stage = Stage::Decided(outcome);
        item.heard = heard;
        self.orgs.end(&item.command);
        self.counters.pending -= 1;
        self.counters.outbox += 1;
        self.items.unschedule(key);
    }

    fn replay_end(&mut self, message_id: MessageId) {
        let Some(key) = self.items.find(&message_id).filter(|key| self.items.is_open(*key)) else { return };
        let Some(item) = self.items.get(key) else { return };
        self.outbox.close(&ChannelKey::of(&item.command));
        match item.stage {
            Stage::Decided(_) => {
                self.counters.outbox -= 1;
                self.remember_ended(key);
            }
            Stage::Waiting | Stage::HandedOver => {
                self.orgs.end(&item.command);
                self.counters.pending -= 1;
                self.items.remove(key);
            }
        }
    }

    /// Puts an accepted command into the tables of what is in flight.
    pub(super) fn enter(&mut self, command: Arc<StoredCommand>, deadline: crate::MonotonicTime) -> Option<Key> {
        let message_id = command.message_id;
        self.newest_item += 1;
        let item = Item {
            command: Arc::clone(&command),
            order: self.newest_item,
            deadline,
            stage: Stage::Waiting,
            sent_before: false,
            in_window: false,
            heard: None,
        };
        let key = self.items.insert(message_id, deadline, item).ok()?;
        self.orgs.begin(&command);
        self.outbox.open(ChannelKey::of(&command));
        self.counters.pending += 1;
        Some(key)
    }
}

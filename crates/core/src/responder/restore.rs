//! The responder rebuilt from what its store kept.

use std::sync::Arc;

use crate::MessageId;

use super::{ChannelKey, FinalOutcome, Item, Key, Record, Responder, Stage, StoredCommand};

impl Responder {
    pub(super) fn replay(&mut self, records: impl IntoIterator<Item = Record>) {
        let mut accepted = Vec::new();
        for record in records {
            match record {
                Record::Accepted(command) => accepted.extend(self.replay_accepted(command)),
                Record::Intent { message_id } => self.replay_intent(message_id),
                Record::Final { .. } if canary!("record-skipped") => {}
                Record::Final { message_id, outcome } => self.replay_final(message_id, outcome),
                Record::Published { message_id } | Record::Undeliverable { message_id } => self.replay_end(message_id),
                Record::Late { .. } => {}
            }
        }
        for key in accepted {
            let open = self.items.get(key).filter(|_| self.items.is_open(key));
            match open.map(|item| &item.stage) {
                Some(Stage::Waiting) => self.make_ready(key),
                Some(Stage::Decided(_)) if canary!("outbox-lost") => {}
                Some(Stage::Decided(_)) => self.line_up(key),
                Some(Stage::HandedOver) | None => {}
            }
        }
        self.forget();
    }

    fn replay_accepted(&mut self, command: Arc<StoredCommand>) -> Option<Key> {
        if self.items.find(&command.message_id).is_some() {
            return None;
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
        self.enter(command, deadline)
    }

    fn replay_intent(&mut self, message_id: MessageId) {
        let Some(item) = self.items.find(&message_id).and_then(|key| self.items.get_mut(key)) else { return };
        if item.command.device.deduplicates || canary!("sent-after-crash") {
            item.sent_before = true;
        } else {
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

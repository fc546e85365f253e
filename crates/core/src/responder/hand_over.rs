//! Commands on their way to their devices.

use crate::{
    device::{CommandPayload, command_topic},
    inflight::Key,
    json::Payload,
};

use super::{Effect, Gated, Mode, Queued, Record, Responder, Stage};

impl Responder {
    /// Stores the intent to hand over what is ready, as far as the window allows.
    pub(super) fn intend(&mut self) {
        // Intent before the hand-over: the command leaves only once the store knows that it may have.
        while self.link_up && self.handing_over < self.config.hand_over_window {
            let Some((_, key)) = self.ready.pop_first() else { break };
            let Some(item) = self.items.get_mut(key).filter(|item| matches!(item.stage, Stage::Waiting)) else {
                continue;
            };
            if item.deadline <= self.now.instant && !canary!("expired-sent") {
                continue;
            }
            item.in_window = true;
            self.handing_over += 1;
            self.journal.record(Record::Intent { message_id: item.command.message_id });
            if canary!("sent-before-intent") {
                self.release(Gated::HandOver(key));
                continue;
            }
            self.journal.gate(Gated::HandOver(key));
        }
    }

    /// Puts a stored item in line, at its place in the order of acceptance.
    pub(super) fn make_ready(&mut self, key: Key) {
        if let Some(item) = self.items.get(key).filter(|item| matches!(item.stage, Stage::Waiting)) {
            self.ready.insert(item.order, key);
        }
    }

    /// Puts an item whose intent is stored in line for the link, at its place in the order of acceptance and before
    /// everything whose intent is not stored yet. It keeps, or takes again, its place in the window.
    pub(super) fn arm(&mut self, key: Key) {
        if canary!("behind-others") && !self.link_up {
            self.leave_window(key);
            return self.make_ready(key);
        }
        let Some(item) = self.items.get_mut(key).filter(|item| matches!(item.stage, Stage::Waiting)) else { return };
        if !item.in_window {
            item.in_window = true;
            self.handing_over += 1;
        }
        self.armed.insert(item.order, key);
        self.queue.push_back(Queued::HandOver);
    }

    /// Lines up again what could not leave while there was no link.
    pub(super) fn rearm(&mut self) {
        self.queue.extend(self.armed.keys().map(|_| Queued::HandOver));
    }

    /// The first command whose intent is stored, unless its deadline has passed. Without a link they all stay in line,
    /// and when the store has failed for good.
    pub(super) fn hand_over(&mut self) -> Option<Effect> {
        let now = self.now;
        if !self.link_up || self.mode == Mode::Failed {
            return None;
        }
        let (_, key) = self.armed.pop_first()?;
        let item = self.items.get_mut(key).filter(|item| matches!(item.stage, Stage::Waiting))?;
        let left_ms = item.deadline.millis_since(now.instant);
        if left_ms == 0 && !canary!("expired-sent") {
            return None;
        }
        item.stage = Stage::HandedOver;
        let command = &item.command;
        let message_id = command.message_id.to_string();
        let mut payload = Vec::with_capacity(192 + command.input.as_ref().map_or(0, |input| input.len()));
        CommandPayload {
            family: command.family,
            message_id: &message_id,
            target: &command.target,
            input: command.input.as_deref().map(Payload::checked),
            timeout_ms: left_ms,
            deadline_epoch_ms: now.epoch_ms.saturating_add_unsigned(left_ms),
        }
        .write(&mut payload);
        let device = &command.device;
        let topic = command_topic(command.family, &device.product_key, &device.device_key, &command.target);
        Some(Effect::HandOver { message_id: command.message_id, topic, payload, deadline: item.deadline })
    }

    /// Frees the item's place in the hand-over window, if it has one.
    pub(super) fn leave_window(&mut self, key: Key) {
        if let Some(item) = self.items.get_mut(key).filter(|item| item.in_window) {
            item.in_window = false;
            self.handing_over -= 1;
        }
    }
}

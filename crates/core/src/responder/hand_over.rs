//! Hands commands over to their devices: first the intent, then the command.

use crate::{
    device::{CommandPayload, command_topic},
    inflight::Key,
    json::Payload,
    submsg,
};

use super::{
    AfterPersist, Effect, HandedOver, Mode, Queued, Record, Responder,
    item::{Attempt, Item, State},
};

impl Responder {
    /// Stores the intent to hand over what is ready, as far as the window allows.
    pub(super) fn intend(&mut self) {
        // Write-ahead: a command leaves only once the store knows that it may have left.
        while self.link_up && self.handing_over < self.config.hand_over_window.get() {
            let Some((_, key)) = self.ready.pop_first() else { break };
            let Some(&Item { ref command, deadline, state: State::Ready(attempt), .. }) = self.items.get(key) else {
                continue;
            };
            if deadline <= self.now.instant {
                self.change(key, |state| *state = State::Overdue(attempt));
                continue;
            }
            self.journal.record(Record::Intent { message_id: command.message_id });
            self.change(key, |state| *state = State::Intended(attempt));
            self.journal.after_persist(AfterPersist::HandOver(key));
        }
    }

    /// The item leaves as soon as there is a link, unless it has ended meanwhile: in the order of acceptance, and before every
    /// item whose intent is not stored yet.
    pub(super) fn intent_stored(&mut self, key: Key) {
        let Some(State::Intended(attempt)) = self.items.get(key).map(|item| &item.state) else { return };
        let attempt = *attempt;
        self.change(key, |state| *state = State::Armed(attempt));
    }

    /// Queues again what could not leave while there was no link.
    pub(super) fn queue_armed(&mut self) {
        self.queue.extend(self.armed.keys().map(|_| Queued::HandOver));
    }

    /// Gives out the first command whose intent is stored, unless its deadline has passed. None leaves without a link, and
    /// none after the store has failed.
    pub(super) fn hand_over(&mut self) -> Option<Effect> {
        let now = self.now;
        if !self.link_up || self.mode == Mode::Failed {
            return None;
        }
        let (_, key) = self.armed.pop_first()?;
        let Some(&Item { ref command, deadline, state: State::Armed(attempt), .. }) = self.items.get(key) else {
            return None;
        };
        let left_ms = deadline.millis_since(now.instant);
        if left_ms == 0 {
            self.change(key, |state| *state = State::Overdue(attempt));
            return None;
        }
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
        let effect = Effect::HandOver { message_id: command.message_id, topic, payload, deadline };
        self.change(key, |state| *state = State::Leaving(attempt));
        Some(effect)
    }

    /// The driver reports how a hand-over went.
    pub(super) fn handed_over(&mut self, key: Key, how: HandedOver) {
        let Some(&Item { ref command, state: State::Leaving(attempt) | State::Left(attempt), .. }) =
            self.items.get(key)
        else {
            return;
        };
        let next = match (how, attempt) {
            (HandedOver::Unclear, _) if command.device.deduplicates => State::Ready(Attempt::Again),
            // The link is lost: it waits for the next one.
            (HandedOver::NotSent, Attempt::First) if !self.link_up => State::Armed(Attempt::First),
            (HandedOver::NotSent, Attempt::First) => {
                let code = command.family.table().device_failure;
                return self.decide_unanswered(key, code, submsg::NEVER_SENT);
            }
            // Of the earlier attempt, too, the outcome is unknown: its answer may still come.
            (HandedOver::NotSent, Attempt::Again) | (HandedOver::Taken | HandedOver::Unclear, _) => {
                State::Left(attempt)
            }
        };
        self.change(key, |state| *state = next);
    }
}

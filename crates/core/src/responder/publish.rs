//! Publishes finals on their channels.

use crate::{
    Code, MessageId,
    inflight::Key,
    json::{Payload, Text},
    reply::{self, Reply},
};

use super::{
    ChannelKey, Effect, FinalOutcome, PublicationId, Queued, Record, Responder, StoredCommand,
    item::{Decision, Delivery, Item, State},
};

/// A message to which no further reply is added once it is this long, in bytes.
const FULL_BYTES: usize = 256 << 10;

impl Responder {
    /// Queues a final, which is on stable storage, on its channel.
    pub(super) fn final_stored(&mut self, key: Key) {
        self.change(key, |state| {
            if let State::Decided(decision) = state {
                decision.delivery = Delivery::Publishing;
            }
        });
        let Some(item) = self.items.get(key) else { return };
        let channel = ChannelKey::of(&item.command);
        if self.outbox.push(&channel, key) {
            self.queue.push_back(Queued::Publish(channel));
        }
    }

    /// One message with as many of the channel's waiting finals as it may carry. `None` if none is waiting.
    pub(super) fn publish(&mut self, channel: ChannelKey) -> Option<Effect> {
        let mut body = Vec::new();
        let mut finals = Vec::new();
        reply::open_message(&mut body);
        while finals.len() < self.config.replies_per_message.get() && body.len() < FULL_BYTES {
            let Some(key) = self.outbox.pop(&channel) else { break };
            let Some(Item { command, state: State::Decided(Decision { outcome, .. }), .. }) = self.items.get(key)
            else {
                continue;
            };
            if !finals.is_empty() {
                body.push(b',');
            }
            reply::write_reply(&mut body, &final_reply(command, outcome));
            finals.push(key);
        }
        reply::close(&mut body);
        if self.outbox.is_waiting(&channel) {
            self.queue.push_back(Queued::Publish(channel.clone()));
        }
        let replies = finals.len();
        if replies == 0 {
            return None;
        }
        let publication = self.outbox.publish(finals);
        let ChannelKey { org_id, family, channel_id } = channel;
        Some(Effect::Publish { publication, org_id, family, channel_id, body, replies })
    }

    /// Publishes the final of an ended item once more: a caller that repeats it may have missed the final.
    pub(super) fn publish_again(&mut self, message_id: MessageId) {
        let Some(key) = self.items.find(&message_id) else { return };
        let Some(Item { command, state: State::Decided(Decision { delivery: Delivery::Over, .. }), .. }) =
            self.items.get(key)
        else {
            return;
        };
        let current = self.orgs.remembered(&command.org_id, command.family, &command.request_id);
        if current.is_none_or(|current| current.message_id != message_id) {
            // The id was forgotten while the answer waited for the store, and may stand for another item by now.
            return;
        }
        self.items.reopen(key);
        self.final_stored(key);
    }

    /// The message was published, or its channel is gone.
    pub(super) fn end_publication(&mut self, publication: PublicationId, delivered: bool) {
        for key in self.outbox.take(publication) {
            let Some(item) = self.items.get(key) else { continue };
            let message_id = item.command.message_id;
            if delivered {
                self.counters.published += 1;
                self.journal.record(Record::Published { message_id });
            } else {
                self.counters.undeliverable += 1;
                self.journal.record(Record::Undeliverable { message_id });
            }
            self.end(key);
        }
    }

    /// Ends an item, which stays known for late and duplicate answers; the oldest ended items are dropped.
    pub(super) fn end(&mut self, key: Key) {
        self.change(key, |state| {
            if let State::Decided(decision) = state {
                decision.delivery = Delivery::Over;
            }
        });
        self.items.end(key);
        self.items.forget_beyond(self.config.ended);
    }
}

/// The reply that carries a final (protocol §4).
fn final_reply<'a>(command: &'a StoredCommand, outcome: &'a FinalOutcome) -> Reply<'a> {
    Reply {
        request_id: Some(Text::plain(&command.request_id)),
        org_id: Some(Text::plain(&command.org_id)),
        channel_id: Some(Text::plain(&command.channel_id)),
        product_key: Some(Text::plain(&command.device.product_key)),
        device_key: Some(Text::plain(&command.device.device_key)),
        asset_id: Some(Text::plain(&command.device.asset_id)),
        service_name: command.service_name.as_deref().map(Text::plain),
        target: Some(Text::plain(&command.target)),
        callback_url: command.callback_url.as_deref().map(Text::plain),
        input: command.input.as_deref().map(Payload::checked),
        output: outcome.output.as_deref().map_or(Payload::EMPTY, Payload::checked),
        code: outcome.code,
        msg: Some(Text::plain(Code::msg(outcome.code))),
        submsg: Some(Text::plain(&outcome.submsg)),
        timeout: Some(i64::from(command.timeout_ms)),
        gmt_service_request: Some(command.gmt_service_request),
        gmt_service_reply: Some(outcome.decided_at_epoch_ms),
        gmt_device_reply: Some(outcome.device_reply_epoch_ms),
        ..Reply::empty(command.family)
    }
}

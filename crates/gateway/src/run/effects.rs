//! Carries out the engine's effects.

use bytes::Bytes;
use setpoint::{
    Directory,
    responder::{Effect, Record},
};
use setpoint_store::AtomicWrite;

use super::{inputs::Answer, turn::RunLoop};
use crate::{
    ports::{HandOver, Publication},
    store::{Confirm, QueuedWrite},
};

impl RunLoop {
    /// Carries out everything that the engine asks for now.
    pub(super) fn carry_out(&mut self) {
        while let Some(effect) = self.responder.poll_effect(setpoint_clock::now()) {
            match effect {
                Effect::Persist { write, records, audit } => {
                    self.measure(&records);
                    let content = AtomicWrite::of_engine(records, audit);
                    self.outputs.store.send(QueuedWrite { content, confirm: Confirm::Engine(write) });
                }
                Effect::Answer { batch, status, body } => {
                    if let Some(waiting) = self.waiting.remove(&batch) {
                        // A client that went away can send the batch again.
                        let _ = waiting.send(Answer { status, body });
                    }
                }
                Effect::HandOver { message_id, topic, payload, deadline } => {
                    self.handed_over.insert(message_id, setpoint_clock::now().instant);
                    let payload = payload.into();
                    self.outputs.devices.hand_over(HandOver { message_id, topic, payload, deadline });
                }
                Effect::Publish { publication, org_id, family, channel_id, body, .. } => {
                    self.publish(Publication { id: publication, org_id, family, channel_id, body: exact(body) });
                }
                other => tracing::error!(?other, "the engine asks for something that the gateway does not know"),
            }
        }
    }

    fn publish(&mut self, publication: Publication) {
        let Publication { org_id, family, channel_id, .. } = &publication;
        if !self.catalog.snapshot().has_channel(org_id, *family, channel_id) {
            tracing::warn!(org = &**org_id, channel = &**channel_id, "the channel is gone: outcomes are undeliverable");
            return self.responder.handle_undeliverable(publication.id);
        }
        self.outputs.channels.publish(publication);
    }

    /// Measures the round trips of the items that these records decide.
    fn measure(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Final { message_id, outcome } = record
                && let Some(handed_over) = self.handed_over.remove(message_id)
                && outcome.device_reply_epoch_ms >= 0
            {
                self.metrics.devices.answered(setpoint_clock::now().instant.millis_since(handed_over));
            }
        }
    }
}

/// The bytes without the spare capacity behind them: feeds keep messages for a long time.
fn exact(body: Vec<u8>) -> Bytes {
    body.into_boxed_slice().into()
}

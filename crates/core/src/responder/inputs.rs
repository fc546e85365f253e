//! What the outside tells a responder.

use crate::{Code, MessageId, Now, RequestError, submsg};

use super::{
    AfterPersist, Attribution, BatchTicket, CheckedBatch, HandedOver, Mode, PublicationId, Queued, Responder, WriteId,
};

impl Responder {
    /// Takes a batch. Its [`Effect::Answer`](super::Effect::Answer) follows, at the latest when its items are persisted.
    ///
    /// Timeouts run from when the batch was received, or from the newest reading of the clock that came in before it, if
    /// that is later: the monotonic clock never steps back.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// let ticket = responder.handle_batch(batch, now);
    /// let Some(Effect::Persist { write, .. }) = responder.poll_effect(now) else { panic!() };
    /// assert_eq!(responder.poll_effect(now), None, "nobody is told before it is stored");
    /// responder.handle_persisted(write, now);
    /// let Some(Effect::Answer { batch, status, .. }) = responder.poll_effect(now) else { panic!() };
    /// assert_eq!((batch, status), (ticket, 200));
    /// ```
    pub fn handle_batch(&mut self, batch: CheckedBatch, now: Now) -> BatchTicket {
        let received = self.now.instant.max(batch.received.instant);
        self.advance_clocks(now);
        self.newest_batch += 1;
        let ticket = BatchTicket(self.newest_batch);
        self.counters.batches += 1;
        if let Err(error) = self.admit(ticket, batch, received) {
            self.refuse_batch(ticket, &error);
        }
        self.progress();
        ticket
    }

    /// Every write up to and including this one is on stable storage. One call may confirm several writes
    /// ([`handle_batch`](Self::handle_batch) has an example).
    pub fn handle_persisted(&mut self, up_to: WriteId, now: Now) {
        self.advance_clocks(now);
        self.journal.handle_persisted(up_to);
        self.progress();
    }

    /// The store failed: what it holds is not known any more. Every waiting batch is answered 500, since it may have been
    /// stored, and every later one 503; nothing more is handed over or published. Recover by restarting from the store.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// responder.handle_batch(batch, now);
    /// let Some(Effect::Persist { .. }) = responder.poll_effect(now) else { panic!() };
    /// responder.handle_persist_failed();
    /// let Some(Effect::Answer { status, .. }) = responder.poll_effect(now) else { panic!() };
    /// assert_eq!(status, 500);
    /// ```
    pub fn handle_persist_failed(&mut self) {
        self.mode = Mode::Failed;
        self.queue.retain(|queued| matches!(queued, Queued::Answer { .. }));
        let waiting: Vec<_> = self.journal.abandon().collect();
        for then in waiting {
            if let AfterPersist::Answer { batch, .. } = then {
                let submsg =
                    "the store failed; whether the batch was accepted is unknown, send the same batch again later";
                self.refuse_batch(batch, &RequestError::internal(submsg));
            }
        }
    }

    /// Whether commands can be handed over at all. While they cannot, they wait until their deadlines; at first they cannot.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// # responder.handle_batch(batch, now);
    /// # let drain = |responder: &mut Responder, now: Now| {
    /// #     let mut rest = Vec::new();
    /// #     while let Some(effect) = responder.poll_effect(now) {
    /// #         match effect {
    /// #             Effect::Persist { write, .. } => responder.handle_persisted(write, now),
    /// #             Effect::Answer { .. } => {}
    /// #             other => rest.push(other),
    /// #         }
    /// #     }
    /// #     rest
    /// # };
    /// assert!(drain(&mut responder, now).is_empty(), "the batch is answered, and its command waits");
    /// responder.handle_link(true, now);
    /// assert!(matches!(&drain(&mut responder, now)[..], [Effect::HandOver { .. }]));
    /// ```
    pub fn handle_link(&mut self, up: bool, now: Now) {
        self.advance_clocks(now);
        self.link_up = up;
        self.queue_armed();
        self.progress();
    }

    /// How the hand-over of a command went. Reports on items that have ended, or were never handed over, change nothing.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// # responder.handle_batch(batch, now);
    /// # let drain = |responder: &mut Responder, now: Now| {
    /// #     let mut rest = Vec::new();
    /// #     while let Some(effect) = responder.poll_effect(now) {
    /// #         match effect {
    /// #             Effect::Persist { write, .. } => responder.handle_persisted(write, now),
    /// #             Effect::Answer { .. } => {}
    /// #             other => rest.push(other),
    /// #         }
    /// #     }
    /// #     rest
    /// # };
    /// responder.handle_link(true, now);
    /// let effects = drain(&mut responder, now);
    /// let [Effect::HandOver { message_id, .. }] = &effects[..] else { panic!() };
    /// // The broker refused it, and the link is up: the item ends at once.
    /// responder.handle_handed_over(*message_id, HandedOver::NotSent, now);
    /// assert!(matches!(&drain(&mut responder, now)[..], [Effect::Publish { .. }]));
    /// assert_eq!(responder.stats().failed, 1);
    /// ```
    pub fn handle_handed_over(&mut self, message_id: MessageId, how: HandedOver, now: Now) {
        self.advance_clocks(now);
        if let Some(key) = self.items.find(&message_id) {
            self.handed_over(key, how);
        }
        self.progress();
    }

    /// A message from the device broker, and what became of it. It ends an item only if it carries the item's message id
    /// and came from the very device and service that the command was sent to.
    ///
    /// ```
    /// # use setpoint::{Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// let topic = "/sys/pk/dk/thing/service/start_reply";
    /// let payload = br#"{"id":"00000123456789abcdef0123456789ab","code":200}"#;
    /// assert_eq!(responder.handle_device_message(topic, payload, now), Attribution::Unknown);
    /// assert_eq!(responder.handle_device_message(topic, b"{", now), Attribution::Unreadable);
    /// ```
    pub fn handle_device_message(&mut self, topic: &str, payload: &[u8], now: Now) -> Attribution {
        self.advance_clocks(now);
        let attribution = self.attribute(topic, payload);
        self.counters.count(attribution);
        self.progress();
        attribution
    }

    /// The channel message was taken by the channel's broker. Repeating it changes nothing.
    pub fn handle_published(&mut self, publication: PublicationId) {
        self.end_publication(publication, true);
    }

    /// The channel no longer exists: the message's finals are recorded as undeliverable.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// # responder.handle_batch(batch, now);
    /// # let drain = |responder: &mut Responder, now: Now| {
    /// #     let mut rest = Vec::new();
    /// #     while let Some(effect) = responder.poll_effect(now) {
    /// #         match effect {
    /// #             Effect::Persist { write, .. } => responder.handle_persisted(write, now),
    /// #             Effect::Answer { .. } => {}
    /// #             other => rest.push(other),
    /// #         }
    /// #     }
    /// #     rest
    /// # };
    /// drain(&mut responder, now);
    /// let later = Now::new(2_000, now.epoch_ms + 1_000);
    /// responder.handle_timeout(later);
    /// let effects = drain(&mut responder, later);
    /// let [Effect::Publish { publication, .. }] = &effects[..] else { panic!() };
    /// responder.handle_undeliverable(*publication);
    /// let stats = responder.stats();
    /// assert_eq!((stats.undeliverable, stats.outbox), (1, 0));
    /// ```
    pub fn handle_undeliverable(&mut self, publication: PublicationId) {
        self.end_publication(publication, false);
    }

    /// Ends the items that have reached their deadlines, and forgets the request ids that have been remembered long enough.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// # responder.handle_batch(batch, now);
    /// # let drain = |responder: &mut Responder, now: Now| {
    /// #     let mut rest = Vec::new();
    /// #     while let Some(effect) = responder.poll_effect(now) {
    /// #         match effect {
    /// #             Effect::Persist { write, .. } => responder.handle_persisted(write, now),
    /// #             Effect::Answer { .. } => {}
    /// #             other => rest.push(other),
    /// #         }
    /// #     }
    /// #     rest
    /// # };
    /// drain(&mut responder, now);
    /// let wakeup = responder.poll_timeout().expect("an item is in flight");
    /// let later = Now { instant: wakeup, epoch_ms: now.epoch_ms + 1_000 };
    /// responder.handle_timeout(Now::new(2_000, now.epoch_ms + 1_000));
    /// assert_eq!(responder.stats().expired_unsent, 1);
    /// # assert!(later.instant <= setpoint::MonotonicTime::from_millis(2_000));
    /// ```
    pub fn handle_timeout(&mut self, now: Now) {
        self.advance_clocks(now);
        while let Some(key) = self.items.pop_expired(self.now.instant) {
            let Some(item) = self.items.get(key) else { continue };
            let submsg = if item.state.is_unsent() { submsg::EXPIRED_UNSENT } else { submsg::TIMED_OUT };
            self.decide_unanswered(key, Code::TIMEOUT, submsg);
        }
        self.forget_request_ids();
        self.progress();
    }

    pub(super) fn refuse_batch(&mut self, batch: BatchTicket, error: &RequestError) {
        self.counters.batches_refused += 1;
        self.queue.push_back(Queued::Answer { batch, status: error.status, body: error.response() });
    }
}

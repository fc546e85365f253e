//! An honest driver around a responder, with a hand on every wire.

use std::num::NonZeroUsize;

use setpoint::{
    Limits, MessageId, Now, Responder,
    responder::{
        AuditRecord, CheckedBatch, Effect, HandedOver, PublicationId, Record, ResponderConfig, Restore, WriteId,
    },
};

use super::{
    Code, How, Item, Step,
    promises::Promises,
    world::{World, device, org},
};
use crate::body;

const EPOCH_MS: i64 = 1_700_000_000_000;

pub(super) struct Rig {
    responder: Responder,
    world: World,
    now: Now,
    /// Its first byte counts the starts.
    seed: [u8; 32],
    failed: bool,
    link_up: bool,
    /// What is on stable storage, and what is on its way there.
    stored: Vec<Record>,
    unstored: Vec<(WriteId, Vec<Record>, Vec<AuditRecord>)>,
    /// Handed over and not yet reported on.
    leaving: Vec<MessageId>,
    /// Everything that was ever handed over.
    sent: Vec<(MessageId, String)>,
    unconfirmed: Vec<PublicationId>,
    promises: Promises,
}

/// Bounds that a script reaches.
fn config() -> ResponderConfig {
    let mut config = ResponderConfig::default();
    config.dedup_window_ms = 1 << 50;
    let [org, device, ids, outbox, replies, window] = [9, 4, 24, 8, 2, 3].map(|most| NonZeroUsize::new(most).unwrap());
    (config.pending_per_org, config.pending_per_device, config.dedup_per_org) = (org, device, ids);
    (config.ended, config.outbox, config.replies_per_message, config.hand_over_window) = (5, outbox, replies, window);
    config
}

impl Rig {
    pub(super) fn new() -> Self {
        Self {
            responder: Responder::new(config(), [0; 32]),
            world: World::default(),
            now: Now::new(10_000, EPOCH_MS),
            seed: [0; 32],
            failed: false,
            link_up: false,
            stored: Vec::new(),
            unstored: Vec::new(),
            leaving: Vec::new(),
            sent: Vec::new(),
            unconfirmed: Vec::new(),
            promises: Promises::default(),
        }
    }

    pub(super) fn step(&mut self, step: &Step) {
        match step {
            Step::Batch { org: second, write, items } => {
                let org_id = org(*second);
                let items: Vec<String> = items.iter().take(6).map(|item| item.json(org_id, family(*write))).collect();
                self.batch(*second, *write, body::batch(&items).as_bytes());
            }
            Step::BatchBytes { org, write, body } => self.batch(*org, *write, body),
            Step::Stored { writes } => self.store(usize::from(*writes % 4) + 1),
            Step::StoreFails => {
                self.failed = true;
                self.responder.handle_persist_failed();
            }
            Step::Link { up } => self.link(*up),
            Step::HandedOver { pick, how } => self.handed_over(*pick, *how),
            Step::Answer { pick, code, data, stranger } => self.answer(*pick, *code, *data, *stranger),
            Step::MessageBytes { topic, payload } => {
                let attribution = self.responder.handle_device_message(topic, payload, self.now);
                self.promises.heard(None, attribution, false);
            }
            Step::Published { pick, channel_gone } => self.published(*pick, *channel_gone),
            Step::Pass { ms } => self.pass(u64::from(*ms)),
            Step::ClockBack { ms } => {
                let now = self.now;
                let back = Now::new(now.instant.as_millis() - u64::from(*ms), now.epoch_ms - i64::from(*ms));
                self.responder.handle_timeout(back);
            }
            Step::Directory { device, gone } => {
                self.world.gone.retain(|other| other != device);
                self.world.gone.extend(gone.then_some(device % super::world::DEVICES));
            }
            Step::Stop => self.responder.stop_accepting(),
            Step::Crash { written, wall_clock_ms } => self.crash(usize::from(*written % 4), i64::from(*wall_clock_ms)),
        }
        self.drain();
    }

    /// Everything heals and time passes: now everything must have ended.
    pub(super) fn heal(mut self) {
        if self.failed {
            self.crash(0, 0);
        }
        self.link(true);
        // Twice: what is published or sent again while time passes has to settle, too.
        for _ in 0..2 {
            self.settle();
            self.pass(1 << 20);
            self.settle();
        }
        let stats = self.responder.stats();
        assert_eq!((stats.pending, stats.outbox), (0, 0), "left over");
        self.promises.finish();
        // Only a spurious wake-up may be left in the timers, and in the end no id is remembered.
        self.pass(1 << 52);
        assert_eq!((self.responder.poll_timeout(), self.responder.stats().remembered), (None, 0));
    }

    fn settle(&mut self) {
        self.drain();
        while !self.unstored.is_empty() || !self.unconfirmed.is_empty() {
            self.store(usize::MAX);
            while !self.unconfirmed.is_empty() {
                self.published(0, false);
            }
            self.drain();
        }
    }

    fn batch(&mut self, second: bool, write: bool, body: &[u8]) {
        let (org_id, family) = (org(second), family(write));
        let batch = CheckedBatch::read(body.to_vec(), family, org_id, &self.world, &Limits::DEFAULT, self.now);
        let batch = self.responder.handle_batch(batch, self.now);
        self.promises.asked(batch, org_id, family, body);
    }

    /// The store commits the next writes at once and confirms the last of them.
    fn store(&mut self, writes: usize) {
        let count = writes.min(self.unstored.len());
        let Some((last, ..)) = count.checked_sub(1).and_then(|at| self.unstored.get(at)) else { return };
        let last = *last;
        if self.failed {
            return;
        }
        for (_, records, audit) in self.unstored.drain(..count) {
            self.promises.stored(&records, &audit);
            self.stored.extend(records);
        }
        self.responder.handle_persisted(last, self.now);
    }

    fn link(&mut self, up: bool) {
        self.link_up = up;
        self.responder.handle_link(up, self.now);
    }

    fn handed_over(&mut self, pick: u8, how: How) {
        if self.leaving.is_empty() {
            return;
        }
        let message_id = self.leaving.remove(usize::from(pick) % self.leaving.len());
        let how = match how {
            // What a device has answered certainly left.
            How::NotSent if self.promises.was_answered(message_id) => HandedOver::Taken,
            How::NotSent => HandedOver::NotSent,
            How::Taken => HandedOver::Taken,
            How::Unclear => HandedOver::Unclear,
        };
        self.promises.reported(message_id, how);
        self.responder.handle_handed_over(message_id, how, self.now);
    }

    fn answer(&mut self, pick: u8, code: Code, data: u8, stranger: bool) {
        if self.sent.is_empty() {
            return;
        }
        let (message_id, topic) = &self.sent[usize::from(pick) % self.sent.len()];
        if !stranger && self.promises.never_left(*message_id) {
            return;
        }
        let topic = if stranger { "/sys/p/d9/thing/service/s_reply".to_owned() } else { format!("{topic}_reply") };
        let code_text = match code {
            Code::Success => "200".to_owned(),
            Code::Failure(code) => (1_000 + i64::from(code)).to_string(),
            Code::NoNumber => "\"200\"".to_owned(),
        };
        let payload = format!(r#"{{"id":"{message_id}","code":{code_text},"data":{{"n":{}}}}}"#, data % 4);
        let attribution = self.responder.handle_device_message(&topic, payload.as_bytes(), self.now);
        let is_success = matches!(code, Code::Success);
        self.promises.heard((!stranger).then_some(*message_id), attribution, is_success);
    }

    fn published(&mut self, pick: u8, channel_gone: bool) {
        if self.unconfirmed.is_empty() {
            return;
        }
        let publication = self.unconfirmed.remove(usize::from(pick) % self.unconfirmed.len());
        if channel_gone {
            self.responder.handle_undeliverable(publication);
        } else {
            self.responder.handle_published(publication);
        }
    }

    /// Lets time pass, with every wake-up that the responder asks for on the way.
    fn pass(&mut self, ms: u64) {
        let end = self.now.instant.saturating_add(ms);
        while let Some(at) = self.responder.poll_timeout().filter(|at| *at <= end) {
            let wait = at.millis_since(self.now.instant);
            self.tick(wait);
        }
        self.tick(end.millis_since(self.now.instant));
    }

    fn tick(&mut self, ms: u64) {
        self.now = Now {
            instant: self.now.instant.saturating_add(ms),
            epoch_ms: self.now.epoch_ms.saturating_add_unsigned(ms),
        };
        self.responder.handle_timeout(self.now);
        self.drain();
    }

    fn crash(&mut self, written: usize, wall_clock_ms: i64) {
        for (_, records, audit) in self.unstored.drain(..).take(written) {
            self.promises.stored(&records, &audit);
            self.stored.extend(records);
        }
        self.leaving.clear();
        self.unconfirmed.clear();
        self.promises.crashed();
        self.seed[0] = self.seed[0].wrapping_add(1);
        self.seed[1] = self.seed[1].wrapping_add(u8::from(self.seed[0] == 0));
        // The monotonic clock starts anew, the wall clock goes on somehow.
        self.now = Now::new(5_000, self.now.epoch_ms.saturating_add(wall_clock_ms));
        let mut restore = Restore::new(config(), self.seed, self.now);
        for record in &self.stored {
            // Through JSON and back: what a store keeps is what the records say.
            let kept = serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap();
            assert_eq!(record, &kept, "a record changed in the store");
            restore.record(kept);
        }
        self.responder = restore.finish();
        (self.failed, self.link_up) = (false, false);
    }

    fn drain(&mut self) {
        while let Some(effect) = self.responder.poll_effect(self.now) {
            match effect {
                Effect::Persist { write, records, audit } => {
                    assert!(!records.is_empty() || !audit.is_empty(), "an empty write");
                    assert!(self.unstored.last().is_none_or(|(last, ..)| *last < write));
                    self.unstored.push((write, records, audit));
                }
                Effect::Answer { batch, status, body } => {
                    self.promises.answered(batch, status, &body, self.failed);
                }
                Effect::HandOver { message_id, topic, payload, deadline } => {
                    assert!(self.link_up && !self.failed, "handed over without a link or a store");
                    assert!(deadline > self.now.instant, "handed over after its deadline");
                    self.promises.handed_over(message_id, &topic, &payload);
                    self.leaving.push(message_id);
                    self.sent.push((message_id, topic));
                }
                Effect::Publish { publication, org_id, family, body, replies, .. } => {
                    assert!(!self.failed, "published without a store");
                    self.promises.published(&org_id, family, &body, replies);
                    self.unconfirmed.push(publication);
                }
                other => panic!("what is {other:?}?"),
            }
        }
    }
}

fn family(write: bool) -> setpoint::Family {
    if write { setpoint::Family::Write } else { setpoint::Family::Invoke }
}

impl Item {
    fn json(&self, org_id: &str, family: setpoint::Family) -> String {
        // Few ids, so that they come again, with the same content or with another.
        let (id, input) = (format!("\"r{}\"", self.id % 8), format!(r#"{{"x":{}}}"#, u8::from(self.content)));
        body::item(family, &id, &device(org_id, self.device), &input, u64::from(self.timeout_ms))
    }
}

//! One responder with a hand on every wire.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use serde_json::{Value, json};

use crate::{Device, DeviceRef, Directory, Family, MessageId, MonotonicTime, Now, Responder};

use super::super::{
    Attribution, AuditRecord, BatchTicket, CheckedBatch, Effect, HandedOver, PublicationId, Record, ResponderConfig,
    Restore, WriteId,
};

pub(super) const CHANNEL: &str = "DATASVC.CONTROL.c";
pub(super) const WRITES: &str = "DATASVC.SET.c";
const EPOCH: i64 = 1_700_000_000_000;

/// Orgs `o1` and `o2`, with devices `d0`…`d9` and `e0`…`e9` (asset ids `a-…`); both have both channels.
#[derive(Debug, Default)]
pub(super) struct World {
    pub(super) deduplicates: bool,
    pub(super) gone: HashSet<String>,
    /// The directory knows a device by its asset id alone.
    pub(super) nameless: bool,
}

impl Directory for World {
    fn has_org(&self, org_id: &str) -> bool {
        matches!(org_id, "o1" | "o2")
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        channel_id.starts_with(family.table().channel_prefix) && !channel_id.ends_with("missing")
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        let key = match device {
            DeviceRef::Asset(asset_id) => asset_id.strip_prefix("a-")?,
            DeviceRef::Keys { product_key, device_key } => (product_key == "p").then_some(device_key)?,
        };
        let initial = if org_id == "o1" { "d" } else { "e" };
        let known = key.strip_prefix(initial)?.parse::<u8>().is_ok_and(|n| n < 10) && !self.gone.contains(key);
        known.then(|| {
            let asset_id = format!("a-{key}");
            let mut device =
                if self.nameless { Device::new("", "", &asset_id) } else { Device::new("p", key, &asset_id) };
            device.deduplicates = self.deduplicates;
            Arc::new(device)
        })
    }

    fn service_name(&self, _org_id: &str, _device: &Device, service_id: &str) -> Option<Arc<str>> {
        (service_id == "named").then(|| "The named one".into())
    }
}

/// What was handed over.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) message_id: MessageId,
    pub(super) topic: String,
    pub(super) payload: Value,
}

#[derive(Debug)]
pub(super) struct Rig {
    pub(super) responder: Responder,
    pub(super) world: World,
    pub(super) now: Now,
    /// Whether writes are confirmed as they come.
    pub(super) store_confirms: bool,
    /// Whether publications are confirmed as they come.
    pub(super) channel_confirms: bool,
    /// What is on stable storage, and what is on its way there.
    pub(super) stored: Vec<Record>,
    pub(super) unstored: Vec<(WriteId, Vec<Record>)>,
    /// What no restart reads.
    pub(super) audit: Vec<AuditRecord>,
    pub(super) answers: Vec<(u16, Value)>,
    /// The same as text.
    pub(super) responses: Vec<String>,
    /// Which batches were answered, beside `answers`.
    pub(super) answered: Vec<BatchTicket>,
    pub(super) sent: Vec<Sent>,
    /// Every reply that was published, parsed, in order.
    pub(super) published: Vec<Value>,
    pub(super) unconfirmed: Vec<PublicationId>,
    config: ResponderConfig,
    seed: u8,
}

impl Rig {
    pub(super) fn new() -> Self {
        Self::with(ResponderConfig::default())
    }

    pub(super) fn with(config: ResponderConfig) -> Self {
        let mut rig = Self {
            responder: Responder::new(config.clone(), [1; 32]),
            world: World::default(),
            now: Now::new(10_000, EPOCH),
            store_confirms: true,
            channel_confirms: true,
            stored: Vec::new(),
            unstored: Vec::new(),
            audit: Vec::new(),
            answers: Vec::new(),
            responses: Vec::new(),
            answered: Vec::new(),
            sent: Vec::new(),
            published: Vec::new(),
            unconfirmed: Vec::new(),
            config,
            seed: 1,
        };
        rig.responder.handle_link(true, rig.now);
        rig
    }

    /// Sends a batch of invokes of org `o1`.
    pub(super) fn invoke(&mut self, items: Value) -> BatchTicket {
        self.batch("o1", Family::Invoke, &json!({ "data": items }).to_string())
    }

    pub(super) fn batch(&mut self, org_id: &str, family: Family, body: &str) -> BatchTicket {
        let batch = self.read(org_id, family, body);
        let batch = self.responder.handle_batch(batch, self.now);
        self.drain();
        batch
    }

    /// Reads a batch that the responder does not have yet.
    pub(super) fn read(&self, org_id: &str, family: Family, body: &str) -> CheckedBatch {
        CheckedBatch::read(body.to_owned(), family, org_id, &self.world, &self.config.limits, self.now)
    }

    /// The statuses of the items in the newest answer.
    pub(super) fn statuses(&self) -> Vec<i64> {
        let (status, body) = self.answers.last().expect("an answer");
        assert_eq!(*status, 200, "{body}");
        body["data"].as_array().unwrap().iter().map(|reply| reply["status"].as_i64().unwrap()).collect()
    }

    pub(super) fn answer(&mut self, sent: &Sent, code: i64, data: Value) -> Attribution {
        let payload = json!({ "id": sent.message_id.to_string(), "code": code, "data": data }).to_string();
        self.say(&format!("{}_reply", sent.topic), &payload)
    }

    pub(super) fn say(&mut self, topic: &str, payload: &str) -> Attribution {
        let attribution = self.responder.handle_device_message(topic, payload.as_bytes(), self.now);
        self.drain();
        attribution
    }

    pub(super) fn handed_over(&mut self, message_id: MessageId, how: HandedOver) {
        self.responder.handle_handed_over(message_id, how, self.now);
        self.drain();
    }

    pub(super) fn link(&mut self, up: bool) {
        self.responder.handle_link(up, self.now);
        self.drain();
    }

    /// Lets time pass, with every wake-up that the responder asks for on the way.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now.instant.saturating_add(ms);
        while let Some(wakeup) = self.responder.poll_timeout().filter(|at| *at <= end) {
            self.set_instant(wakeup.max(self.now.instant));
            self.responder.handle_timeout(self.now);
            self.drain();
        }
        self.set_instant(end);
        self.responder.handle_timeout(self.now);
        self.drain();
    }

    /// Moves both clocks on to this moment, and calls nothing.
    pub(super) fn set_instant(&mut self, instant: MonotonicTime) {
        self.now.epoch_ms += instant.millis_since(self.now.instant).cast_signed();
        self.now.instant = instant;
    }

    /// Confirms what the store has been asked to keep.
    pub(super) fn confirm_writes(&mut self) {
        while !self.unstored.is_empty() {
            self.confirm_one_write();
        }
    }

    pub(super) fn confirm_one_write(&mut self) {
        if !self.unstored.is_empty() {
            let (write, records) = self.unstored.remove(0);
            self.stored.extend(records);
            self.responder.handle_persisted(write, self.now);
            self.drain();
        }
    }

    pub(super) fn confirm_publications(&mut self) {
        for publication in std::mem::take(&mut self.unconfirmed) {
            self.responder.handle_published(publication);
        }
        self.drain();
    }

    /// How many batches this responder has seen.
    pub(super) fn batches(&self) -> u64 {
        self.responder.stats().batches
    }

    pub(super) fn drain(&mut self) {
        while let Some(effect) = self.responder.poll_effect(self.now) {
            match effect {
                Effect::Persist { write, records, audit } => {
                    assert!(!records.is_empty() || !audit.is_empty());
                    self.audit.extend(audit);
                    self.unstored.push((write, records));
                    if self.store_confirms {
                        self.confirm_writes();
                    }
                }
                Effect::Answer { batch, status, body } => {
                    self.answered.push(batch);
                    self.answers.push((status, serde_json::from_slice(&body).unwrap()));
                    self.responses.push(String::from_utf8(body).unwrap());
                }
                Effect::HandOver { message_id, topic, payload, deadline } => {
                    assert!(deadline > self.now.instant, "handed over after its deadline");
                    let payload = serde_json::from_slice(&payload).unwrap();
                    self.sent.push(Sent { message_id, topic, payload });
                }
                Effect::Publish { publication, body, replies, .. } => {
                    let message: Value = serde_json::from_slice(&body).unwrap();
                    let items = message["data"].as_array().unwrap().clone();
                    assert_eq!(items.len(), replies);
                    self.published.extend(items);
                    if self.channel_confirms {
                        self.responder.handle_published(publication);
                    } else {
                        self.unconfirmed.push(publication);
                    }
                }
            }
        }
    }

    /// kill -9: only what the store confirmed survives. The clocks go on by `down_ms`; the monotonic one starts anew.
    pub(super) fn crash(&mut self, down_ms: i64) {
        self.unstored.clear();
        self.unconfirmed.clear();
        self.seed += 1;
        self.now = Now::new(5, self.now.epoch_ms + down_ms);
        let mut restore = Restore::new(self.config.clone(), [self.seed; 32], self.now);
        for record in &self.stored {
            // Through JSON and back: what a store keeps is what the records say.
            restore.record(serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap());
        }
        self.responder = restore.finish();
        self.responder.handle_link(true, self.now);
        self.drain();
    }

    /// How often each request id was published.
    pub(super) fn finals(&self) -> BTreeMap<String, Vec<i64>> {
        let mut finals: BTreeMap<String, Vec<i64>> = BTreeMap::new();
        for reply in &self.published {
            let id = reply["requestId"].as_str().unwrap().to_owned();
            finals.entry(id).or_default().push(reply["status"].as_i64().unwrap());
        }
        finals
    }
}

/// An invoke of service `s` on device `d{n}`.
pub(super) fn item(request_id: &str, device: u8) -> Value {
    json!({
        "requestId": request_id, "controlChannelId": CHANNEL, "assetId": format!("a-d{device}"),
        "serviceId": "s", "inputData": { "unique": request_id }, "timeout": 1_000,
    })
}

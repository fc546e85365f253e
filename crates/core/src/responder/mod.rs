//! The service's side of the conversation, a state machine.
//!
//! A [`Responder`] takes batches, answers them, hands commands to devices, matches the devices' answers, publishes one final
//! for each accepted item, and lets items expire. It does no I/O: inputs come in through `handle_*`, what has to be done
//! comes out of [`poll_effect`](Responder::poll_effect), and what has been done is told with the next `handle_*`.
//!
//! ```
//! use setpoint::{AnyDirectory, Family, Limits, Now, Responder};
//! use setpoint::responder::{Attribution, CheckedBatch, Effect, HandedOver, ResponderConfig};
//!
//! let now = Now::new(1_000, 1_700_000_000_000);
//! let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
//! responder.handle_link(true, now);
//!
//! let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
//!     "deviceKey":"turbine-7","serviceId":"start"}]}"#;
//! let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
//! responder.handle_batch(batch, now);
//!
//! let mut done = Vec::new();
//! while let Some(effect) = responder.poll_effect(now) {
//!     match effect {
//!         // Write the records, sync, then confirm.
//!         Effect::Persist { write, records, .. } => {
//!             done.push(format!("stored {}", records.len()));
//!             responder.handle_persisted(write, now);
//!         }
//!         Effect::Answer { status, .. } => done.push(format!("answered {status}")),
//!         Effect::HandOver { message_id, topic, .. } => {
//!             done.push(format!("sent to {topic}"));
//!             responder.handle_handed_over(message_id, HandedOver::Taken, now);
//!             // The device answers.
//!             let answer = format!(r#"{{"id":"{message_id}","code":200,"data":{{"rpm":12}}}}"#);
//!             let heard = responder.handle_device_message(&format!("{topic}_reply"), answer.as_bytes(), now);
//!             assert_eq!(heard, Attribution::Succeeded);
//!         }
//!         Effect::Publish { publication, replies, .. } => {
//!             done.push(format!("published {replies}"));
//!             responder.handle_published(publication);
//!         }
//!         _ => {}
//!     }
//! }
//! let expected = [
//!     "stored 1", // the acceptance
//!     "answered 200",
//!     "stored 1", // the intent
//!     "sent to /sys/pk/turbine-7/thing/service/start",
//!     "stored 1", // the final
//!     "published 1",
//!     "stored 1", // that it is published
//! ];
//! assert_eq!(done, expected);
//! ```

mod admit;
mod answer;
mod checked_batch;
mod config;
mod effect;
mod fingerprint;
mod hand_over;
mod inputs;
mod item;
mod journal;
mod orgs;
mod outbox;
mod progress;
mod publish;
mod record;
mod restore;
mod stats;

#[cfg(test)]
mod tests;

pub use checked_batch::CheckedBatch;
pub use config::ResponderConfig;
pub use effect::{Attribution, BatchTicket, Effect, HandedOver, PublicationId, WriteId};
pub use record::{AuditRecord, FinalOutcome, Record, StoredCommand};
pub use restore::Restore;
pub use stats::ResponderStats;

use std::collections::{BTreeMap, VecDeque};

use crate::{
    Family, MessageId, MonotonicTime, Now, RequestError,
    inflight::{InFlight, Key},
    secret::{KeyedHash, Secret},
};
use item::Item;
use journal::Journal;
use orgs::Orgs;
use outbox::{ChannelKey, Outbox};

/// One service: the [module](self) has an example of a whole conversation.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands; `poll_*` outputs.
/// After any input, drain [`poll_effect`](Self::poll_effect) and arrange for [`handle_timeout`](Self::handle_timeout)
/// at [`poll_timeout`](Self::poll_timeout). Draining late only delays effects, spurious calls are harmless, and `now` may step
/// back.
#[derive(Debug)]
pub struct Responder {
    config: ResponderConfig,
    mode: Mode,
    secret: Secret,
    hash: KeyedHash,
    /// The newest reading of the clocks; its monotonic part never steps back.
    now: Now,
    /// Accepted items until their finals are published, and the newest of those that have ended.
    items: InFlight<MessageId, Item>,
    orgs: Orgs,
    outbox: Outbox,
    journal: Journal<AfterPersist>,
    /// Items that are `Ready`, by their order.
    ready: BTreeMap<u64, Key>,
    /// Items that are `Armed`, by their order.
    armed: BTreeMap<u64, Key>,
    /// The order of the newest item.
    newest_item: u64,
    link_up: bool,
    /// Items in the hand-over window.
    handing_over: usize,
    queue: VecDeque<Queued>,
    newest_batch: u64,
    counters: ResponderStats,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mode {
    Running,
    /// Takes no more batches; everything else goes on.
    Stopping,
    /// The store failed: what it holds is not known, so nothing is done any more.
    Failed,
}

/// What is to be done once everything recorded before it is on stable storage.
#[derive(Debug)]
enum AfterPersist {
    /// `accepted` are the items that the batch accepts, `again` those that it repeats.
    Answer {
        batch: BatchTicket,
        body: Vec<u8>,
        accepted: Vec<Key>,
        again: Vec<MessageId>,
    },
    HandOver(Key),
    Publish(Key),
}

/// An effect that [`Responder::poll_effect`] will give out, where possible made only then.
#[derive(Debug)]
enum Queued {
    Answer {
        batch: BatchTicket,
        status: u16,
        body: Vec<u8>,
    },
    /// Of the first armed item, if there is one by then.
    HandOver,
    Publish(ChannelKey),
}

impl Responder {
    /// A responder without history; [`Restore`] makes one from what a store has kept.
    ///
    /// `seed` is 32 bytes from the operating system's generator, new at every start: message ids are drawn from it, and
    /// tables are hashed under it.
    ///
    /// ```
    /// use setpoint::{Responder, responder::ResponderConfig};
    ///
    /// let mut seed = [0; 32];
    /// # let getrandom = |seed: &mut [u8; 32]| seed.fill(7);
    /// getrandom(&mut seed);
    /// let responder = Responder::new(ResponderConfig::default(), seed);
    /// assert_eq!(responder.stats().batches, 0);
    /// ```
    pub fn new(config: ResponderConfig, seed: [u8; 32]) -> Self {
        let mut secret = Secret::new(seed);
        let hash = secret.keyed_hash();
        Self {
            mode: Mode::Running,
            hash,
            now: Now::default(),
            items: InFlight::with_hash(hash),
            orgs: Orgs::new(hash),
            outbox: Outbox::new(hash),
            journal: Journal::new(),
            ready: BTreeMap::new(),
            armed: BTreeMap::new(),
            newest_item: 0,
            link_up: false,
            handing_over: 0,
            queue: VecDeque::new(),
            newest_batch: 0,
            counters: ResponderStats::default(),
            secret,
            config,
        }
    }

    /// Refuses every further batch with 503; what was accepted goes on.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// responder.stop_accepting();
    /// responder.handle_batch(batch, now);
    /// assert!(matches!(responder.poll_effect(now), Some(Effect::Answer { status: 503, .. })));
    /// ```
    pub fn stop_accepting(&mut self) {
        if self.mode == Mode::Running {
            self.mode = Mode::Stopping;
        }
    }

    /// The next thing to do, if there is one. The [module](self) has an example.
    pub fn poll_effect(&mut self, now: Now) -> Option<Effect> {
        self.advance_clocks(now);
        while let Some(queued) = self.queue.pop_front() {
            let effect = match queued {
                Queued::Answer { batch, status, body } => Some(Effect::Answer { batch, status, body }),
                Queued::HandOver => self.hand_over(),
                Queued::Publish(channel) => self.publish(channel),
            };
            if effect.is_some() {
                return effect;
            }
        }
        self.journal.take_write()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; at times a little earlier than necessary, never later.
    ///
    /// ```
    /// # use setpoint::{Responder, responder::ResponderConfig};
    /// let responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// assert_eq!(responder.poll_timeout(), None, "there is nothing to wait for");
    /// ```
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
        if self.mode == Mode::Failed { None } else { self.items.next_wakeup() }
    }

    /// Counters since the start, and gauges. Takes the same few steps however many items there are.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// responder.handle_batch(batch, now);
    /// let stats = responder.stats();
    /// assert_eq!((stats.accepted, stats.pending, stats.remembered), (1, 1, 1));
    /// ```
    pub fn stats(&self) -> ResponderStats {
        ResponderStats { remembered: self.orgs.n_remembered(), ..self.counters.clone() }
    }

    /// How many accepted items of this channel are not yet published: a channel that is deleted now makes them undeliverable.
    ///
    /// ```
    /// # use setpoint::{AnyDirectory, Family, Limits, Now, Responder, responder::*};
    /// # let now = Now::new(1_000, 1_700_000_000_000);
    /// # let mut responder = Responder::new(ResponderConfig::default(), [7; 32]);
    /// # let body = r#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","productKey":"pk",
    /// #     "deviceKey":"dk","serviceId":"start","timeout":1000}]}"#;
    /// # let batch = CheckedBatch::read(body, Family::Invoke, "o1", &AnyDirectory, &Limits::DEFAULT, now);
    /// responder.handle_batch(batch, now);
    /// assert_eq!(responder.pending_on_channel("o1", Family::Invoke, "DATASVC.CONTROL.ops"), 1);
    /// ```
    pub fn pending_on_channel(&self, org_id: &str, family: Family, channel_id: &str) -> usize {
        self.outbox.n_open(&ChannelKey { org_id: org_id.into(), family, channel_id: channel_id.into() })
    }

    /// Takes a reading of the clocks: the monotonic part never steps back.
    fn advance_clocks(&mut self, now: Now) {
        self.now = Now { instant: self.now.instant.max(now.instant), epoch_ms: now.epoch_ms };
        self.items.follow(self.now.instant);
    }

    /// Forgets the request ids whose time is over, unless their items are still open.
    fn forget_request_ids(&mut self) {
        let now = self.now.instant;
        let later = now.saturating_add(self.config.dedup_window_ms);
        let items = &self.items;
        self.orgs.forget(now, later, |message_id| items.find(&message_id).is_some_and(|key| items.is_open(key)));
    }
}

fn store_failed() -> RequestError {
    RequestError::unavailable("the store failed and nothing can be accepted; the operator has to restart the service")
}

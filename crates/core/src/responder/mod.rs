//! The service's side of the conversation, a state machine.

mod admit;
mod answer;
mod checked_batch;
mod config;
mod effect;
mod fingerprint;
mod hand_over;
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
    Code, Family, MessageId, MonotonicTime, Now, RequestError,
    inflight::{InFlight, Key},
    secret::{KeyedHash, Secret},
    submsg,
};
use item::Item;
use journal::Journal;
use orgs::Orgs;
use outbox::{ChannelKey, Outbox};

/// Takes batches, answers at once, hands commands to devices, matches their answers, publishes finals, expires the rest.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands; `poll_*` outputs.
/// After any input, drain [`poll_effect`](Self::poll_effect) and arrange for [`handle_timeout`](Self::handle_timeout)
/// at [`poll_timeout`](Self::poll_timeout). Draining late is only late, spurious calls are harmless, and `now` may step back.
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
    /// How many items have been accepted.
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
    /// Takes no batches; the rest goes on.
    Stopping,
    /// The store failed: nothing is certain, so nothing is done.
    Failed,
}

/// What waits for the store.
#[derive(Debug)]
enum AfterPersist {
    /// With the items that it accepts, and those that it repeats.
    Answer {
        batch: BatchTicket,
        body: Vec<u8>,
        accepted: Vec<Key>,
        again: Vec<MessageId>,
    },
    HandOver(Key),
    Publish(Key),
}

/// What may be done as soon as the driver asks.
#[derive(Debug)]
enum Queued {
    Answer {
        batch: BatchTicket,
        status: u16,
        body: Vec<u8>,
    },
    /// The first of those that are armed.
    HandOver,
    Publish(ChannelKey),
}

impl Responder {
    /// A responder without history; [`Restore`] makes one from what a store has kept. `seed` is 32 bytes from the operating system's generator, new at every start:
    /// message ids are drawn from it.
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

    /// Takes a batch. Its [`Effect::Answer`] follows, at the latest when its items are persisted.
    ///
    /// Timeouts run from when the batch was received, or from the newest reading of the clock that came in before it, if
    /// that is later: the monotonic clock never steps back.
    pub fn handle_batch(&mut self, batch: CheckedBatch, now: Now) -> BatchTicket {
        let received = self.now.instant.max(batch.received.instant);
        self.see(now);
        self.newest_batch += 1;
        let ticket = BatchTicket(self.newest_batch);
        self.counters.batches += 1;
        if let Err(error) = self.admit(ticket, batch, received) {
            self.refuse_batch(ticket, &error);
        }
        self.progress();
        ticket
    }

    /// Every write up to and including this one is on stable storage.
    pub fn handle_persisted(&mut self, up_to: WriteId, now: Now) {
        self.see(now);
        self.journal.handle_persisted(up_to);
        self.progress();
    }

    /// The store failed: what it holds is no longer certain. Every waiting batch is answered 500, since it may have been
    /// stored, and every later one 503; nothing more is handed over or published. Recover by restarting from the store.
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
    pub fn handle_link(&mut self, up: bool, now: Now) {
        self.see(now);
        self.link_up = up;
        self.queue_armed();
        self.progress();
    }

    /// How the hand-over of a command went.
    pub fn handle_handed_over(&mut self, message_id: MessageId, how: HandedOver, now: Now) {
        self.see(now);
        if let Some(key) = self.items.find(&message_id) {
            self.handed_over(key, how);
        }
        self.progress();
    }

    /// A message from the device broker.
    pub fn handle_device_message(&mut self, topic: &str, payload: &[u8], now: Now) -> Attribution {
        self.see(now);
        let attribution = self.attribute(topic, payload);
        self.counters.count(attribution);
        self.progress();
        attribution
    }

    /// The channel message was taken by the channel's broker.
    pub fn handle_published(&mut self, publication: PublicationId) {
        self.end_publication(publication, true);
    }

    /// The channel no longer exists: the message's finals are kept as undeliverable.
    pub fn handle_undeliverable(&mut self, publication: PublicationId) {
        self.end_publication(publication, false);
    }

    /// Ends what has reached its deadline, and forgets what has been remembered long enough.
    pub fn handle_timeout(&mut self, now: Now) {
        self.see(now);
        while let Some(key) = self.items.pop_expired(self.now.instant) {
            let Some(item) = self.items.get(key) else { continue };
            let submsg = if item.state.is_unsent() { submsg::EXPIRED_UNSENT } else { submsg::TIMED_OUT };
            self.decide_unanswered(key, Code::TIMEOUT, submsg);
        }
        self.forget();
        self.progress();
    }

    /// Refuses every further batch with 503; what was accepted goes on.
    pub fn stop_accepting(&mut self) {
        if self.mode == Mode::Running {
            self.mode = Mode::Stopping;
        }
    }

    /// The next thing to do, if there is one.
    pub fn poll_effect(&mut self, now: Now) -> Option<Effect> {
        self.see(now);
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
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
        if self.mode == Mode::Failed { None } else { self.items.next_wakeup() }
    }

    /// What was counted since the start, and the gauges as they stand.
    pub fn stats(&self) -> ResponderStats {
        ResponderStats { remembered: self.orgs.n_remembered(), ..self.counters.clone() }
    }

    /// Accepted items on this channel that are not yet published.
    pub fn pending_on_channel(&self, org_id: &str, family: Family, channel_id: &str) -> usize {
        self.outbox.n_open(&ChannelKey { org_id: org_id.into(), family, channel_id: channel_id.into() })
    }

    fn see(&mut self, now: Now) {
        self.now = Now { instant: self.now.instant.max(now.instant), epoch_ms: now.epoch_ms };
        self.items.follow(self.now.instant);
    }

    fn refuse_batch(&mut self, batch: BatchTicket, error: &RequestError) {
        self.counters.batches_refused += 1;
        self.queue.push_back(Queued::Answer { batch, status: error.status, body: error.response() });
    }

    fn forget(&mut self) {
        let now = self.now.instant;
        let later = now.saturating_add(self.config.dedup_window_ms);
        let items = &self.items;
        self.orgs.forget(now, later, |message_id| items.find(&message_id).is_some_and(|key| items.is_open(key)));
    }
}

fn store_failed() -> RequestError {
    RequestError::unavailable("the store failed and nothing can be accepted; the operator has to restart the service")
}

//! The oracle: a small model of the promises. It gets every input of the service, and checks every output against them.
//! It does not know how the service works.

mod batches;
mod device;
mod drained;
mod finals;
mod records;
mod restart;

use std::{
    collections::{BTreeMap, BTreeSet, VecDeque},
    rc::Rc,
};

use setpoint::{
    Family, MessageId,
    responder::{BatchTicket, FinalOutcome, PublicationId, ResponderConfig},
};

use crate::{batch_items::Item, coverage::Coverage};

pub(crate) use batches::Sent;
pub(crate) use device::{AnswerText, Said};
pub(crate) use restart::RestartClocks;

/// The number of an item, in the order of acceptance.
pub(crate) type ItemNumber = usize;
/// Org, family and request id.
type IdKey = (usize, Family, String);

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) coverage: Coverage,
    config: ResponderConfig,
    /// For each device, whether it de-duplicates.
    deduplicates: Vec<bool>,
    pub(crate) items: Vec<AcceptedItem>,
    by_message: BTreeMap<MessageId, ItemNumber>,
    /// The item of a request id, as long as its final is not published.
    by_id: BTreeMap<IdKey, ItemNumber>,
    remembered: BTreeMap<IdKey, RememberedId>,
    /// Accepted items whose records have not been written yet, in order.
    to_record: VecDeque<ItemNumber>,
    /// Decided items whose final has not been written yet.
    to_decide: BTreeSet<ItemNumber>,
    /// Undecided items by deadline.
    deadlines: BTreeSet<(u64, ItemNumber)>,
    pending_of_org: [usize; 2],
    pending_of_device: Vec<usize>,
    /// Decided and not yet published.
    outbox: usize,
    batches: BTreeMap<BatchTicket, batches::Expectation>,
    publications: BTreeMap<PublicationId, Vec<ItemNumber>>,
    /// Ended items that the service still remembers.
    ended: VecDeque<ItemNumber>,
    ended_known: BTreeSet<ItemNumber>,
    /// The earliest time at which a request id may be forgotten.
    forgets_at: u64,
    /// Commands handed over and not yet confirmed.
    unconfirmed: BTreeSet<ItemNumber>,
    /// Per device, the newest item whose command was handed over for the first time.
    newest_handed: Vec<Option<ItemNumber>>,
    /// What is on stable storage.
    durable: records::Durable,
    /// The latest reading of the monotonic clock that the service got in this life.
    reading: u64,
    epoch_ms: i64,
    /// Simulated time.
    now: u64,
    /// When the service was last down, suspended or delayed.
    disturbed_at: u64,
    link_up: bool,
    store_failed: bool,
    /// Whether the times of effects are not known exactly: then repeated publications are not counted.
    pub(crate) lenient: bool,
    /// How long a final may take from its decision to its publication while the service is not disturbed.
    pub(crate) publish_bound_ms: u64,
    /// How late a timer may be while the service is not disturbed.
    pub(crate) timer_bound_ms: u64,
}

/// An accepted item, and everything that happened to it.
#[derive(Debug)]
pub(crate) struct AcceptedItem {
    pub(crate) spec: Rc<Item>,
    pub(crate) org: usize,
    pub(crate) family: Family,
    /// The text of the accepted body.
    input: Option<String>,
    gmt: i64,
    accepted_at_epoch_ms: i64,
    pub(crate) message_id: Option<MessageId>,
    /// On the service's monotonic clock of this life.
    deadline: u64,
    /// In simulated time.
    deadline_true: u64,
    stage: Stage,
    /// Whether it was sent again, so that its final may be published again.
    repeated: bool,
    /// Whether a caller was told that it is accepted.
    answered: bool,
    /// How many times it was handed over, in all lives of the service.
    handed: u32,
    /// How many of those may have been sent.
    maybe_sent: u32,
    /// The latest deadline, in simulated time, with which it was handed over.
    promised: u64,
    /// Whether the store has an intent of an earlier life.
    intent_replayed: bool,
    outcome: Option<Rc<FinalOutcome>>,
    decided_at: u64,
    expect: Option<ExpectedEnd>,
    /// The last answer that counted for it or came after its end.
    heard: Option<String>,
    publications: u32,
    pub(crate) executions: u32,
    /// The answers of its device, on the right topic.
    said: Vec<AnswerText>,
    /// Whether a final said that it was never sent.
    pub(crate) said_unsent: bool,
    /// The largest error of the wall clock at a hand-over, in milliseconds: by so much the deadline in the payload may be
    /// wrong.
    clock_error: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Decided,
    Ended,
    /// Accepted in a life that ended before it was stored: as if it had not been accepted.
    Lost,
}

/// How an item must end.
#[derive(Debug, Clone, PartialEq, Eq)]
enum ExpectedEnd {
    Answer(AnswerText),
    ExpiredUnsent,
    TimedOut,
    NeverSent,
}

#[derive(Debug)]
struct RememberedId {
    n: ItemNumber,
    content: String,
    until: u64,
}

impl Oracle {
    pub(crate) fn new(config: ResponderConfig, deduplicates: Vec<bool>) -> Self {
        Self {
            coverage: Coverage::new(),
            pending_of_device: vec![0; deduplicates.len()],
            newest_handed: vec![None; deduplicates.len()],
            config,
            deduplicates,
            items: Vec::new(),
            by_message: BTreeMap::new(),
            by_id: BTreeMap::new(),
            remembered: BTreeMap::new(),
            to_record: VecDeque::new(),
            to_decide: BTreeSet::new(),
            deadlines: BTreeSet::new(),
            pending_of_org: [0; 2],
            outbox: 0,
            batches: BTreeMap::new(),
            publications: BTreeMap::new(),
            ended: VecDeque::new(),
            ended_known: BTreeSet::new(),
            forgets_at: 0,
            unconfirmed: BTreeSet::new(),
            durable: records::Durable::default(),
            reading: 0,
            epoch_ms: 0,
            now: 0,
            disturbed_at: 0,
            link_up: false,
            store_failed: false,
            lenient: false,
            publish_bound_ms: u64::MAX,
            timer_bound_ms: u64::MAX,
        }
    }

    /// The service gets this reading of its clocks.
    pub(crate) fn see(&mut self, now: u64, reading: u64, epoch_ms: i64) {
        self.now = now;
        self.reading = self.reading.max(reading);
        self.epoch_ms = epoch_ms;
    }

    /// The service was suspended, or delayed, until now.
    pub(crate) fn disturbed(&mut self, now: u64) {
        self.disturbed_at = now;
    }

    pub(crate) fn link(&mut self, up: bool) {
        self.link_up = up;
    }

    pub(crate) fn of_message(&self, id: MessageId) -> Option<&AcceptedItem> {
        self.by_message.get(&id).map(|n| &self.items[*n])
    }

    /// The item has its final value from here on; the record of it must follow.
    fn decide(&mut self, n: ItemNumber, expect: ExpectedEnd) {
        let item = &mut self.items[n];
        item.stage = Stage::Decided;
        item.expect = Some(expect);
        item.decided_at = self.now;
        self.deadlines.remove(&(item.deadline, n));
        self.pending_of_org[item.org] -= 1;
        self.pending_of_device[item.spec.device] -= 1;
        self.outbox += 1;
        self.to_decide.insert(n);
        self.unconfirmed.remove(&n);
    }

    fn device_of(&self, n: ItemNumber) -> usize {
        self.items[n].spec.device
    }
}

impl AcceptedItem {
    pub(crate) fn id(&self) -> &str {
        &self.spec.id
    }

    fn key(&self) -> IdKey {
        (self.org, self.family, self.spec.id.clone())
    }

    pub(crate) fn may_have_been_sent(&self) -> bool {
        self.maybe_sent > 0 || self.intent_replayed
    }
}

//! What must be true: a small model of the promises, fed with everything that goes into the service and held against
//! everything that comes out of it. It knows nothing of how the service works.

mod accept;
mod device;
mod finals;
mod quiet;
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

use crate::{content::Item, seen::Seen};

pub(crate) use accept::Sent;
pub(crate) use device::{AnswerText, Said};
pub(crate) use restart::Restarted;

/// Names an item in the order of acceptance.
pub(crate) type N = usize;
/// What a request id is unique within.
type IdKey = (usize, Family, String);

#[derive(Debug)]
pub(crate) struct Oracle {
    pub(crate) seen: Seen,
    config: ResponderConfig,
    /// Of every device: does it de-duplicate?
    deduplicates: Vec<bool>,
    pub(crate) items: Vec<Truth>,
    by_message: BTreeMap<MessageId, N>,
    /// The item of a request id that is not yet published.
    by_id: BTreeMap<IdKey, N>,
    remembered: BTreeMap<IdKey, Memory>,
    /// Predicted acceptances whose records are still to come, in order.
    to_record: VecDeque<N>,
    /// Decided items whose final has not been recorded yet.
    to_decide: BTreeSet<N>,
    /// Undecided items by deadline.
    deadlines: BTreeSet<(u64, N)>,
    pending_of_org: [usize; 2],
    pending_of_device: Vec<usize>,
    /// Decided and not yet published.
    outbox: usize,
    batches: BTreeMap<BatchTicket, accept::Expectation>,
    publications: BTreeMap<PublicationId, Vec<N>>,
    /// Ended items that the service still remembers.
    ended: VecDeque<N>,
    ended_known: BTreeSet<N>,
    /// No request id may be forgotten before this.
    forgets_at: u64,
    /// Commands handed over and not yet confirmed.
    unconfirmed: BTreeSet<N>,
    /// Per device, the newest item whose command was handed over for the first time.
    newest_handed: Vec<Option<N>>,
    /// What is on stable storage.
    durable: records::Durable,
    /// The newest reading of the monotonic clock that the service has seen in this life.
    reading: u64,
    epoch_ms: i64,
    /// True time.
    now: u64,
    /// When the service last was away, stopped or held up.
    disturbed_at: u64,
    link_up: bool,
    store_failed: bool,
    /// The order of effects is not known to the millisecond: what is published again is not counted.
    pub(crate) lenient: bool,
    /// How long a final may take from the decision to its publication while nothing is disturbed.
    pub(crate) publish_bound_ms: u64,
    /// How late a timer may be while nothing is disturbed.
    pub(crate) timer_bound_ms: u64,
}

/// Everything known of an accepted item.
#[derive(Debug)]
pub(crate) struct Truth {
    pub(crate) spec: Rc<Item>,
    pub(crate) org: usize,
    pub(crate) family: Family,
    /// Spelt as in the body that was accepted.
    input: Option<String>,
    gmt: i64,
    accepted_at_epoch_ms: i64,
    pub(crate) message_id: Option<MessageId>,
    /// On the service's monotonic clock of this life.
    deadline: u64,
    /// In true time.
    deadline_true: u64,
    stage: Stage,
    /// Whether it was sent again, so that its final may be published again.
    repeated: bool,
    /// Whether the outside was told that it is accepted.
    answered: bool,
    /// How often it was handed over in this life and the lives before.
    handed: u32,
    /// Of those, so many may have left.
    maybe_sent: u32,
    /// The latest deadline, in true time, that it was ever handed over with.
    promised: u64,
    /// Handed over in an earlier life, as far as the store knows.
    intent_replayed: bool,
    outcome: Option<Rc<FinalOutcome>>,
    decided_at: u64,
    expect: Option<Expect>,
    /// The answer that was heard last.
    heard: Option<String>,
    publications: u32,
    pub(crate) executions: u32,
    /// What its device said of it, on the right topic.
    said: Vec<AnswerText>,
    /// A final said that it was never sent.
    pub(crate) said_unsent: bool,
    /// The clock error that a device's judgement of the deadline may have had, in milliseconds.
    clock_error: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Open,
    Decided,
    Ended,
    /// Accepted in a life that ended before it was stored: it never happened.
    Lost,
}

/// How an item must have ended.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Expect {
    Answer(AnswerText),
    ExpiredUnsent,
    TimedOut,
    NeverSent,
}

#[derive(Debug)]
struct Memory {
    n: N,
    content: String,
    until: u64,
}

impl Oracle {
    pub(crate) fn new(config: ResponderConfig, deduplicates: Vec<bool>) -> Self {
        Self {
            seen: Seen::new(),
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

    /// The service is given this reading of its clocks.
    pub(crate) fn see(&mut self, now: u64, reading: u64, epoch_ms: i64) {
        self.now = now;
        self.reading = self.reading.max(reading);
        self.epoch_ms = epoch_ms;
    }

    /// The service was stopped, or held up, until now.
    pub(crate) fn disturbed(&mut self, now: u64) {
        self.disturbed_at = now;
    }

    pub(crate) fn link(&mut self, up: bool) {
        self.link_up = up;
    }

    pub(crate) fn of_message(&self, id: MessageId) -> Option<&Truth> {
        self.by_message.get(&id).map(|n| &self.items[*n])
    }

    /// The item has its final value from here on, whichever it is; the record of it must follow.
    fn decide(&mut self, n: N, expect: Expect) {
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

    fn device_of(&self, n: N) -> usize {
        self.items[n].spec.device
    }
}

impl Truth {
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

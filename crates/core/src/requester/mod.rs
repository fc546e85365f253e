//! The caller's side of the conversation, a state machine.

mod body;
mod config;
mod event;
mod incoming;
mod table;

#[cfg(test)]
mod tests;

pub use config::RequesterConfig;
pub use event::{Event, ItemRef, Outcome, Refused, RequestBatchId, SubmitError, Summary};

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{
    Code, Family, Instant, Invoke, Now, Write,
    inflight::{InFlight, Key},
    reply::MessageError,
    secret::{KeyedHash, Secret},
};
use body::Outline;
use table::{Ended, Place, Table};

/// A batch that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Its name from here on.
    pub batch: RequestBatchId,
    /// Which call to make.
    pub family: Family,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    pub body: Vec<u8>,
    /// How many items it has.
    pub items: usize,
}

/// What a response, or the lack of one, means for whoever sends the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseVerdict {
    /// There is nothing more to send.
    Settled,
    /// What an earlier attempt achieved is not known: send the same body again later (after
    /// [`Requester::resend`]), or leave the items to their deadlines.
    Resend,
}

/// Submits batches, reads responses and channel messages, and ends every item exactly once.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands; `poll_*` outputs.
/// After anything else, drain [`poll_event`](Self::poll_event) and arrange for [`handle_timeout`](Self::handle_timeout)
/// at [`poll_timeout`](Self::poll_timeout). Draining late is only late, spurious calls are harmless, and `now` may step back.
/// Items are known from `submit_*` on, before anything is sent, so that no answer can come too early.
///
/// ```
/// use setpoint::{DeviceName, Invoke, Now, Requester, requester::{Event, RequesterConfig}};
///
/// let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let start = Invoke::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start").with_request_id("r1");
/// let sent = requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
/// // PUT sent.body to sent.family.table().path; the response and the channel then say:
/// let response = br#"{"status":0,"msg":"Success","submsg":null,"data":[{"requestId":"r1","controlChannelId":
///     "DATASVC.CONTROL.ops","serviceId":"start","status":0,"msg":"SUCCESS","submsg":null}]}"#;
/// requester.handle_response(sent.batch, response, Now::new(5, 1_700_000_000_005))?;
/// let message = br#"{"data":[{"requestId":"r1","controlChannelId":"DATASVC.CONTROL.ops","serviceId":"start",
///     "outputData":{"rpm":12},"status":0,"msg":"SUCCESS","submsg":"SUCCESS"}]}"#;
/// requester.handle_message(message)?;
///
/// assert!(matches!(requester.poll_event(), Some(Event::Accepted { .. })));
/// assert!(matches!(requester.poll_event(), Some(Event::Finished { outcome, .. }) if outcome.is_success()));
/// assert!(matches!(requester.poll_event(), Some(Event::BatchDone { summary, .. }) if summary.succeeded == 1));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Requester {
    org_id: Arc<str>,
    config: RequesterConfig,
    secret: Secret,
    hash: KeyedHash,
    items: InFlight<Item>,
    table: Table,
    batches: BTreeMap<RequestBatchId, Batch>,
    newest: u64,
    events: VecDeque<Event>,
}

/// An item that has not ended.
#[derive(Debug)]
struct Item {
    family: Family,
    place: ItemRef,
    timeout_ms: u32,
    /// Whether the service is known to have taken it.
    accepted: bool,
}

#[derive(Debug)]
struct Batch {
    family: Family,
    /// By index; the key of an ended item finds nothing.
    items: Vec<Key>,
    open: usize,
    attempts: u32,
    summary: Summary,
}

/// How an item ends.
enum End {
    Refused(Refused),
    Finished(Outcome),
    TimedOut { known_unsent: bool, outcome: Option<Outcome> },
    Cancelled,
}

impl Requester {
    /// A requester for one org, whose id goes into the query of every call.
    /// `seed` is 32 bytes from the operating system's generator: request ids are drawn from it.
    pub fn new(org_id: &str, config: RequesterConfig, seed: [u8; 32]) -> Self {
        let mut secret = Secret::new(seed);
        let hash = secret.keyed_hash();
        Self {
            org_id: org_id.into(),
            items: InFlight::new(),
            table: Table::new(config.remembered, hash),
            batches: BTreeMap::new(),
            newest: 0,
            events: VecDeque::new(),
            secret,
            hash,
            config,
        }
    }

    /// Builds a batch of invokes. An item without a request id gets a UUIDv7.
    ///
    /// # Errors
    /// The batch is empty or too large, an id is in use here, or too many items are open. Nothing is kept then.
    pub fn submit_invokes(&mut self, items: &[Invoke], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_invokes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Invoke, body, now)
    }

    /// Builds a batch of writes. An item without a request id gets a UUIDv7.
    ///
    /// # Errors
    /// As for [`submit_invokes`](Self::submit_invokes).
    pub fn submit_writes(&mut self, items: &[Write], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_writes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Write, body, now)
    }

    /// Takes a body that was written elsewhere, as it is. Items that the service is going to refuse may be in it.
    ///
    /// # Errors
    /// The body is not usable as a whole, an id is in use here, or too many items are open. Nothing is kept then.
    pub fn submit_body(&mut self, family: Family, body: Vec<u8>, now: Now) -> Result<Submission, SubmitError> {
        let outlines = body::outline(&body, family, &self.org_id, &self.config)?;
        let (open, more, bound) = (self.items.len(), outlines.len(), self.config.open_items);
        if open.saturating_add(more) > bound {
            return Err(SubmitError::Full { open, more, bound });
        }
        for (index, outline) in outlines.iter().enumerate() {
            if let Some(request_id) = outline.request_id.as_deref().filter(|id| self.table.get(family, id).is_some()) {
                return Err(SubmitError::InUse { index, request_id: request_id.to_owned() });
            }
        }
        self.newest += 1;
        let batch = RequestBatchId(self.newest);
        let items: Vec<_> = outlines
            .into_iter()
            .enumerate()
            .filter_map(|(index, outline)| self.open(batch, index, outline, family, now))
            .collect();
        let summary = Summary { submitted: items.len(), ..Summary::default() };
        let submission = Submission { batch, family, body, items: items.len() };
        self.batches.insert(batch, Batch { family, open: items.len(), items, attempts: 1, summary });
        Ok(submission)
    }

    /// Notes that the batch's body is being sent once more. The service's clock may start only now, so the items'
    /// deadlines here start again too.
    pub fn resend(&mut self, batch: RequestBatchId, now: Now) {
        let Some(batch) = self.batches.get_mut(&batch) else { return };
        batch.attempts = batch.attempts.saturating_add(1);
        for key in batch.items.clone() {
            self.restart_deadline(key, now);
        }
    }

    /// Ends the batch's open items with [`Event::Cancelled`]. What was sent may still be executed.
    pub fn cancel(&mut self, batch: RequestBatchId) {
        for key in self.keys_of(batch) {
            self.end(key, End::Cancelled);
        }
    }

    /// The HTTP response to the batch.
    ///
    /// # Errors
    /// It is not an answer of this protocol, as from a proxy: the items stay open, and the body may be sent again.
    pub fn handle_response(
        &mut self,
        batch: RequestBatchId,
        body: &[u8],
        now: Now,
    ) -> Result<ResponseVerdict, MessageError> {
        self.take_response(batch, body, now)
    }

    /// The attempt is over and certainly nothing was sent, for instance because no connection could be made.
    /// Ends the items as refused, unless an earlier attempt may have arrived.
    pub fn handle_not_sent(&mut self, batch: RequestBatchId, reason: &str) -> ResponseVerdict {
        let refused =
            Refused { code: Code(503), msg: "not sent".into(), submsg: Some(reason.to_owned()), whole_request: true };
        self.refuse_all(batch, &refused, false)
    }

    /// A message from the channel. Returns how many replies it carried, also those that end nothing.
    ///
    /// # Errors
    /// It is not a channel message; nothing of it was used.
    pub fn handle_message(&mut self, body: &[u8]) -> Result<usize, MessageError> {
        self.take_message(body)
    }

    /// Ends what has been waited for long enough.
    pub fn handle_timeout(&mut self, now: Now) {
        while let Some(key) = self.items.pop_expired(now.instant) {
            // Without an id of its own no service can have taken it.
            let known_unsent = self.items.get(key).is_some_and(|item| item.place.request_id.is_none());
            self.end(key, End::TimedOut { known_unsent, outcome: None });
        }
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; at times a little earlier than necessary, never later.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.items.next_wakeup()
    }

    /// The org that this requester speaks for.
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// Items that have not ended.
    pub fn open_items(&self) -> usize {
        self.items.len()
    }

    fn open(&mut self, batch: RequestBatchId, index: usize, outline: Outline, family: Family, now: Now) -> Option<Key> {
        let Outline { request_id, timeout_ms } = outline;
        let place = ItemRef { batch, index, request_id: request_id.clone() };
        let deadline = self.deadline(timeout_ms, now);
        let key = self.items.insert(deadline, Item { family, place, timeout_ms, accepted: false })?;
        if let Some(request_id) = request_id.filter(|_| !cfg!(feature = "canary-registered-late")) {
            self.table.open(family, request_id, key);
        }
        Some(key)
    }

    fn deadline(&self, timeout_ms: u32, now: Now) -> Instant {
        now.instant.saturating_add(u64::from(timeout_ms)).saturating_add(self.config.grace_ms)
    }

    fn restart_deadline(&mut self, key: Key, now: Now) {
        if let Some(timeout_ms) = self.items.get(key).map(|item| item.timeout_ms) {
            let deadline = self.deadline(timeout_ms, now);
            self.items.reschedule(key, deadline);
        }
    }

    fn keys_of(&self, batch: RequestBatchId) -> Vec<Key> {
        self.batches.get(&batch).map_or_else(Vec::new, |batch| batch.items.clone())
    }

    /// Notes that the service has taken the item.
    fn accept(&mut self, key: Key) {
        let Some(item) = self.items.get_mut(key).filter(|item| !item.accepted) else { return };
        item.accepted = true;
        if let Some(batch) = self.batches.get_mut(&item.place.batch) {
            batch.summary.accepted += 1;
        }
        self.events.push_back(Event::Accepted { item: item.place.clone() });
    }

    /// Ends the item, unless it has ended.
    fn end(&mut self, key: Key, end: End) {
        let Some(Item { family, place, .. }) = self.items.remove(key) else { return };
        let Some(batch) = self.batches.get_mut(&place.batch) else { return };
        let summary = &mut batch.summary;
        let mut heard = None;
        let mut was_refused = false;
        let item = place.clone();
        self.events.push_back(match end {
            End::Refused(refusal) => {
                summary.refused += 1;
                was_refused = true;
                Event::Refused { item, refusal }
            }
            End::Finished(outcome) => {
                if outcome.is_success() {
                    summary.succeeded += 1;
                } else {
                    summary.failed += 1;
                }
                heard = Some(incoming::digest(&self.hash, &outcome));
                Event::Finished { item, outcome }
            }
            End::TimedOut { known_unsent, outcome } => {
                summary.timed_out += 1;
                heard = outcome.as_ref().map(|outcome| incoming::digest(&self.hash, outcome));
                Event::TimedOut { item, known_unsent, outcome }
            }
            End::Cancelled => {
                summary.cancelled += 1;
                Event::Cancelled { item }
            }
        });
        batch.open -= 1;
        if batch.open == 0 {
            let summary = batch.summary;
            self.batches.remove(&place.batch);
            self.events.push_back(Event::BatchDone { batch: place.batch, summary });
        }
        if let Some(request_id) = place.request_id.clone() {
            if was_refused {
                self.table.free(family, &request_id);
            } else {
                self.table.end(family, &request_id, Ended { item: place, heard });
            }
        }
    }
}

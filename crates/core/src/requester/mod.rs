//! The caller's side of the conversation, a state machine.

mod body;
mod config;
mod event;
mod incoming;
mod outcome;
mod register;

#[cfg(test)]
mod tests;

pub use config::RequesterConfig;
pub use event::{Event, ItemRef, Refused, RequestBatchId, SubmitError, Summary};
pub use outcome::{Outcome, OutcomeRef};

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Code, Family, InvokeItem, MonotonicTime, Now, WriteItem,
    inflight::{Id, InFlight, Key},
    reply::{BadReply, MessageError, ReplySpans},
    secret::{KeyedHash, Secret},
};
use incoming::Digest;
use outcome::Message;
use register::deadline;

/// So many batches are found without looking for them.
const RECENT: usize = 256;

/// A batch that is ready to be sent, with its body as it was given or built.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission<B = Vec<u8>> {
    /// Its name from here on.
    pub batch: RequestBatchId,
    /// Which call to make.
    pub family: Family,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    pub body: B,
    /// How many items it has.
    pub items: usize,
    /// The shortest timeout of the items that a service may take, in milliseconds; the default one if it may take none.
    /// Once so long has passed, nobody expects every command to be carried out any more: do not send the body again.
    pub patience_ms: u32,
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
/// use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{Event, RequesterConfig}};
///
/// let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start").with_request_id("r1");
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
    /// Items that have not ended, and the newest of those that have. One without a usable id has no name here.
    items: InFlight<Id, Item>,
    /// Batches with an open item. They have no deadlines of their own.
    batches: InFlight<RequestBatchId, Batch>,
    newest: u64,
    /// Where batches were found last, by the last bits of their numbers: a message speaks of the same ones again and again.
    recent: Box<[Option<(RequestBatchId, Key)>; RECENT]>,
    events: VecDeque<Event>,
    /// The message before: if nobody holds an outcome of it any more, its room is used again.
    message: Arc<Message>,
    /// Room for the replies of a message that is told at once, kept from one to the next.
    replies: Vec<Result<ReplySpans, BadReply>>,
    /// Room for the items that a message speaks of, kept from one to the next.
    keys: Vec<Option<Key>>,
}

#[derive(Debug)]
struct Item {
    batch: RequestBatchId,
    /// Its place in the batch.
    index: u32,
    state: State,
}

#[derive(Debug)]
enum State {
    Open {
        timeout_ms: u32,
        /// Whether the service is known to have taken it.
        accepted: bool,
    },
    Ended {
        /// Of the outcome that was heard last; `None` if none was.
        heard: Option<Digest>,
    },
}

#[derive(Debug)]
struct Batch {
    family: Family,
    /// Where its items are, by index. Where one is that has ended, there may be another one by now.
    places: Vec<u32>,
    open: usize,
    attempts: u32,
    summary: Summary,
}

/// How an item ends. `O` is what an outcome is.
enum End<O = Outcome> {
    Refused(Refused),
    Finished { outcome: O, digest: Digest, is_success: bool },
    TimedOut { known_unsent: bool, said: Option<(O, Digest)> },
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
            items: InFlight::with_hash(hash),
            batches: InFlight::with_hash(hash),
            newest: 0,
            recent: Box::new([None; RECENT]),
            events: VecDeque::new(),
            message: Arc::default(),
            replies: Vec::new(),
            keys: Vec::new(),
            secret,
            hash,
            config,
        }
    }

    /// Builds a batch of invokes. An item without a request id gets a UUIDv7.
    ///
    /// # Errors
    /// The batch is empty or too large, an id is in use here, or too many items are open. Nothing is kept then.
    pub fn submit_invokes(&mut self, items: &[InvokeItem], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_invokes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Invoke, body, now)
    }

    /// Builds a batch of writes. An item without a request id gets a UUIDv7.
    ///
    /// # Errors
    /// As for [`submit_invokes`](Self::submit_invokes).
    pub fn submit_writes(&mut self, items: &[WriteItem], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_writes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Write, body, now)
    }

    /// Takes a body that was written elsewhere, as it is. Items that the service is going to refuse may be in it.
    ///
    /// # Errors
    /// The body is not usable as a whole, an id is in use here, or too many items are open. Nothing is kept then.
    pub fn submit_body<B: AsRef<[u8]>>(
        &mut self,
        family: Family,
        body: B,
        now: Now,
    ) -> Result<Submission<B>, SubmitError> {
        let outlines = body::outline(body.as_ref(), family, &self.org_id, &self.config)?;
        let (open, more, bound) = (self.items.len(), outlines.list.len(), self.config.open_items);
        if open.saturating_add(more) > bound {
            return Err(SubmitError::Full { open, more, bound });
        }
        let patience_ms = outlines.patience_ms();
        let batch = self.register(family, outlines.list, now)?;
        Ok(Submission { batch, family, body, items: more, patience_ms })
    }

    /// A request id that nobody has used, a UUIDv7: for bodies that are written elsewhere.
    pub fn new_request_id(&mut self, now: Now) -> String {
        self.secret.uuid_v7(now.epoch_ms)
    }

    /// Notes that the batch's body is being sent once more. The service's clock may start only now, so the items'
    /// deadlines here start again too.
    pub fn resend(&mut self, batch: RequestBatchId, now: Now) {
        let Some(entry) = self.batches.find(&batch).and_then(|key| self.batches.get_mut(key)) else { return };
        entry.attempts = entry.attempts.saturating_add(1);
        for key in self.keys_of(batch) {
            self.restart_deadline(key, now);
        }
    }

    /// Ends the batch's open items with [`Event::Cancelled`]. What was sent may still be executed.
    pub fn cancel(&mut self, batch: RequestBatchId) {
        for key in self.keys_of(batch) {
            self.end_queued(key, End::Cancelled);
        }
        self.forget();
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

    /// [`handle_message`](Self::handle_message) for whoever keeps nothing of it as it is: what happens is told at once, and nothing
    /// of the message is copied. What [`poll_event`](Self::poll_event) still has happened before.
    ///
    /// # Errors
    /// As for [`handle_message`](Self::handle_message); nothing was told.
    pub fn handle_message_each(
        &mut self,
        body: &[u8],
        tell: impl FnMut(Event<OutcomeRef<'_>>),
    ) -> Result<usize, MessageError> {
        self.tell_message(body, tell)
    }

    /// Ends what has been waited for long enough.
    pub fn handle_timeout(&mut self, now: Now) {
        // Once for all of them.
        let mut events = std::mem::take(&mut self.events);
        while let Some(key) = self.items.pop_expired(now.instant) {
            // Without an id of its own no service can have taken it.
            let known_unsent = self.items.id(key).is_none();
            self.end(key, End::TimedOut { known_unsent, said: None }, |event| events.push_back(event));
        }
        self.events = events;
        self.forget();
    }

    /// What happened next.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Begins again at the front, where memory is still at hand.
            self.events.clear();
        }
        event
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next; at times a little earlier than necessary, never later.
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
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

    /// How much memory is kept for items and events, in bytes: about all that was allocated, and not less once items have
    /// ended, for the next ones to find room. For garbage collectors and gauges. Takes a step for every few thousand items.
    pub fn n_bytes(&self) -> usize {
        // Each open item has a place in the list of its batch.
        let places = self.items.len() * size_of::<u32>();
        self.items.n_bytes() + self.batches.n_bytes() + places + self.events.capacity() * size_of::<Event>()
    }

    fn restart_deadline(&mut self, key: Key, now: Now) {
        if let Some(Item { state: State::Open { timeout_ms, .. }, .. }) = self.items.get(key) {
            let deadline = deadline(*timeout_ms, self.config.grace_ms, now);
            self.items.reschedule(key, deadline);
        }
    }

    fn batch(&self, batch: RequestBatchId) -> Option<&Batch> {
        self.batches.get(self.batches.find(&batch)?)
    }

    fn find_batch(&mut self, batch: RequestBatchId) -> Option<Key> {
        let recent = &mut self.recent[batch.0 as usize % RECENT];
        // A number is given once, so the key of a batch that is done finds nothing.
        if let Some((_, key)) = recent.filter(|(id, _)| *id == batch) {
            return Some(key);
        }
        let key = self.batches.find(&batch)?;
        *recent = Some((batch, key));
        Some(key)
    }

    fn keys_of(&self, batch: RequestBatchId) -> Vec<Key> {
        let places = self.batch(batch).map(|batch| batch.places.as_slice()).unwrap_or_default();
        (0..).zip(places).filter_map(|(index, place)| self.key_at(*place, batch, index)).collect()
    }

    /// The key of an item, if it is still at its place.
    fn key_at(&self, place: u32, batch: RequestBatchId, index: u32) -> Option<Key> {
        let key = self.items.key_at(place)?;
        self.items.get(key).filter(|item| (item.batch, item.index) == (batch, index)).map(|_| key)
    }

    fn place(&self, key: Key) -> Option<ItemRef> {
        let Item { batch, index, .. } = *self.items.get(key)?;
        Some(ItemRef { batch, index: index as usize, id: self.items.id(key).cloned() })
    }

    fn is_accepted(&self, key: Key) -> bool {
        matches!(self.items.get(key), Some(Item { state: State::Open { accepted: true, .. }, .. }))
    }

    /// Notes that the service has taken the item.
    fn accept(&mut self, key: Key) {
        let Some(Item { batch, state: State::Open { accepted, .. }, .. }) = self.items.get_mut(key) else { return };
        if std::mem::replace(accepted, true) {
            return;
        }
        let batch = *batch;
        if let Some(batch) = self.find_batch(batch).and_then(|key| self.batches.get_mut(key)) {
            batch.summary.accepted += 1;
        }
        self.events.extend(self.place(key).map(|item| Event::Accepted { item }));
    }

    /// [`end`](Self::end), to be polled.
    fn end_queued(&mut self, key: Key, end: End) {
        let mut events = std::mem::take(&mut self.events);
        self.end(key, end, |event| events.push_back(event));
        self.events = events;
    }

    /// Ends the item, unless it has ended.
    fn end<O>(&mut self, key: Key, end: End<O>, mut tell: impl FnMut(Event<O>)) {
        let Some((id, entry)) = self.items.get_open(key) else { return };
        let Item { batch: batch_id, index, state } = entry;
        let was_accepted = matches!(state, State::Open { accepted: true, .. });
        let heard = match &end {
            End::Finished { digest, .. } | End::TimedOut { said: Some((_, digest)), .. } => Some(*digest),
            _ => None,
        };
        *state = State::Ended { heard };
        let batch_id = *batch_id;
        let item = ItemRef { batch: batch_id, index: *index as usize, id: id.cloned() };
        let Some(batch_key) = self.find_batch(batch_id) else { return };
        let Some(batch) = self.batches.get_mut(batch_key) else { return };
        let summary = &mut batch.summary;
        // An outcome that overtakes the response says as well that the item was taken.
        if heard.is_some() && !was_accepted {
            summary.accepted += 1;
        }
        // Of one without a usable id nothing more can be heard, and a refused one may be sent again.
        let mut forget = item.id.is_none() || canary!("ended-forgotten");
        tell(match end {
            End::Refused(refusal) => {
                summary.refused += 1;
                forget = true;
                Event::Refused { item, refusal }
            }
            End::Finished { outcome, is_success, .. } => {
                if is_success {
                    summary.succeeded += 1;
                } else {
                    summary.failed += 1;
                }
                Event::Finished { item, outcome }
            }
            End::TimedOut { known_unsent, said } => {
                summary.timed_out += 1;
                let outcome = said.map(|(outcome, _)| outcome);
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
            self.batches.remove(batch_key);
            tell(Event::BatchDone { batch: batch_id, summary });
        }
        if forget {
            self.items.remove(key);
            return;
        }
        self.items.end(key);
    }

    /// Forgets the oldest of those that have ended, as far as they are too many. All at once at the end of a call: side
    /// by side they cost less.
    fn forget(&mut self) {
        self.items.forget_beyond(self.config.remembered);
    }
}

//! The caller's side of the conversation: a state machine without I/O.
//!
//! [`Requester`] submits batches, reads responses and channel messages, and ends every item exactly once, with one
//! [`Event`]. What a program does around it: PUT bodies, subscribe to the channel, and keep one timer.
//!
//! An item is *open* from `submit_*` on, and *ended* from its final event on; it is remembered for a while after that, so that
//! late and duplicate replies are recognised.
//!
//! | an open item ends with | when |
//! |---|---|
//! | [`Event::Refused`] | the response refuses it, or it was certainly not sent |
//! | [`Event::Finished`] | a channel reply says success, or a known failure |
//! | [`Event::TimedOut`] | a channel reply says 1000203, or its timeout and [`grace_ms`](RequesterConfig::grace_ms) have passed |
//! | [`Event::Cancelled`] | its batch is cancelled |

mod body;
mod config;
mod event;
mod incoming;
mod items;
mod outcome;
mod register;
mod submission;

#[cfg(test)]
mod tests;

pub use config::RequesterConfig;
pub use event::{Event, ItemRef, Refused, RequestBatchId, SubmitError, Summary};
pub use outcome::{Outcome, OutcomeRef};
pub use submission::{SendState, Submission};

use std::{collections::VecDeque, sync::Arc};

use crate::{
    Code, Family, InvokeItem, MonotonicTime, Now, WriteItem,
    inflight::{Id, InFlight, Key},
    reply::{BadReply, MessageError, ReplySpans},
    secret::{KeyedHash, Secret},
};
use items::{Batch, End, Item, RECENT, State};
use outcome::Message;

/// Submits batches, reads responses and channel messages, and ends every item exactly once.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands; `poll_*` outputs.
/// After inputs and commands, drain [`poll_event`](Self::poll_event) and arrange for [`handle_timeout`](Self::handle_timeout)
/// at [`poll_timeout`](Self::poll_timeout). Draining late loses nothing, spurious calls are harmless, and `now` may step back.
/// Items are registered by `submit_*`, before anything is sent, so no reply can come too early.
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
    /// Open items, and the newest ended ones. Items without a usable id are in it without one.
    items: InFlight<Id, Item>,
    /// Batches with an open item, without deadlines.
    batches: InFlight<RequestBatchId, Batch>,
    /// The newest batch id.
    newest: u64,
    /// Direct-mapped cache from batch id to key: consecutive replies mostly are of the same few batches.
    recent: Box<[Option<(RequestBatchId, Key)>; RECENT]>,
    events: VecDeque<Event>,
    /// The last message, whose buffers are reused unless somebody still holds an outcome of it.
    message: Arc<Message>,
    /// Buffer for the replies of a message whose events are emitted at once.
    replies: Vec<Result<ReplySpans, BadReply>>,
    /// Buffer for the keys of the items that a message's replies are for.
    keys: Vec<Option<Key>>,
}

impl Requester {
    /// A requester for one org, whose id is in the query of every call.
    ///
    /// `seed` is 32 random bytes from the operating system: request ids and the secret of hashes are drawn from it. Never use a
    /// seed twice.
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

    /// Builds and registers a batch of invokes. An item without a request id gets a UUIDv7.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
    /// let submission = requester.submit_invokes(&[start.clone(), start], Now::new(0, 1_700_000_000_000))?;
    /// assert_eq!((submission.items, requester.open_items()), (2, 2));
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    ///
    /// # Errors
    /// The batch is empty or too large, an id is in use here, or too many items are open. Nothing is kept then.
    pub fn submit_invokes(&mut self, items: &[InvokeItem], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_invokes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Invoke, body, now)
    }

    /// Builds and registers a batch of writes. An item without a request id gets a UUIDv7.
    ///
    /// ```
    /// # use setpoint::{DeviceName, Now, Requester, WriteItem, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// let power = WriteItem::new("DATASVC.SET.ops", DeviceName::asset("turbine-7"), "power", 1_500);
    /// let submission = requester.submit_writes(&[power], Now::new(0, 1_700_000_000_000))?;
    /// assert_eq!(submission.family.table().path, "/dataService/devices/multiSet");
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    ///
    /// # Errors
    /// As for [`submit_invokes`](Self::submit_invokes).
    pub fn submit_writes(&mut self, items: &[WriteItem], now: Now) -> Result<Submission, SubmitError> {
        let body = body::write_writes(items, &mut self.secret, now.epoch_ms);
        self.submit_body(Family::Write, body, now)
    }

    /// Registers the items of a body that was written elsewhere, and returns it unchanged. It may hold items that the service will
    /// refuse. [`Submission`] has an example.
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
        let (open, more, bound) = (self.items.len(), outlines.list.len(), self.config.open_items.get());
        if open.saturating_add(more) > bound {
            return Err(SubmitError::Full { open, more, bound });
        }
        let patience_ms = outlines.patience_ms();
        let batch = self.register(family, outlines.list, now)?;
        Ok(Submission { batch, family, body, items: more, patience_ms })
    }

    /// A new request id, a UUIDv7: for bodies that are written elsewhere.
    ///
    /// ```
    /// # use setpoint::{Now, Requester, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// let now = Now::new(0, 1_700_000_000_000);
    /// let (one, other) = (requester.new_request_id(now), requester.new_request_id(now));
    /// assert!(one != other && one.len() == 36);
    /// ```
    pub fn new_request_id(&mut self, now: Now) -> String {
        self.secret.uuid_v7(now.epoch_ms)
    }

    /// Notes that the batch's body is being sent again. The service's timeouts may start only now, so those of the open items here
    /// start again as well.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// # let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
    /// let submission = requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
    /// requester.resend(submission.batch, Now::new(20_000, 1_700_000_020_000));
    /// // 30 seconds of timeout and 5 of grace from the second attempt on.
    /// requester.handle_timeout(Now::new(54_999, 1_700_000_054_999));
    /// assert_eq!(requester.open_items(), 1);
    /// requester.handle_timeout(Now::new(55_000, 1_700_000_055_000));
    /// assert_eq!(requester.open_items(), 0);
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    pub fn resend(&mut self, batch: RequestBatchId, now: Now) {
        let Some(entry) = self.batches.find(&batch).and_then(|key| self.batches.get_mut(key)) else { return };
        entry.attempts = entry.attempts.saturating_add(1);
        for key in self.keys_of(batch) {
            self.restart_deadline(key, now);
        }
    }

    /// Ends the batch's open items with [`Event::Cancelled`]. Commands that were sent may still be executed.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{Event, RequesterConfig}};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// # let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
    /// let submission = requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
    /// requester.cancel(submission.batch);
    /// assert!(matches!(requester.poll_event(), Some(Event::Cancelled { item }) if item.index == 0));
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    pub fn cancel(&mut self, batch: RequestBatchId) {
        for key in self.keys_of(batch) {
            self.end_queued(key, End::Cancelled);
        }
        self.forget();
    }

    /// Handles the HTTP response to the batch, whatever its status. [`Requester`] and [`SendState`] have examples.
    ///
    /// # Errors
    /// It is not a response of this protocol, but of a proxy for instance: the items stay open, and the body may be sent again.
    pub fn handle_response(&mut self, batch: RequestBatchId, body: &[u8], now: Now) -> Result<SendState, MessageError> {
        self.apply_response(batch, body, now)
    }

    /// Notes that an attempt has failed and certainly sent nothing, for instance because no connection could be made. Ends the items
    /// as refused, unless an earlier attempt may have arrived.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{Event, RequesterConfig, SendState}};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// # let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
    /// let submission = requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
    /// assert_eq!(requester.handle_not_sent(submission.batch, "connection refused"), SendState::Settled);
    /// assert!(matches!(requester.poll_event(), Some(Event::Refused { refusal, .. }) if refusal.code.0 == 503));
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    pub fn handle_not_sent(&mut self, batch: RequestBatchId, reason: &str) -> SendState {
        let refused =
            Refused { code: Code(503), msg: "not sent".into(), submsg: Some(reason.to_owned()), whole_request: true };
        self.refuse_all(batch, &refused, false)
    }

    /// Handles a message from the channel. Returns how many replies it has, those that end nothing included. [`Requester`] has an
    /// example.
    ///
    /// # Errors
    /// It is not a channel message; nothing of it was used.
    pub fn handle_message(&mut self, body: &[u8]) -> Result<usize, MessageError> {
        self.queue_message(body)
    }

    /// [`handle_message`](Self::handle_message) for callers that do not keep outcomes: `emit` is called with each event at once, and
    /// borrows the outcome from the message, of which nothing is copied. Events that [`poll_event`](Self::poll_event) still has
    /// are older.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{Event, RequesterConfig}};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// # let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start").with_request_id("r1");
    /// # requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
    /// let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0}]}"#;
    /// let mut finished = 0;
    /// requester.handle_message_each(message, |event| finished += usize::from(matches!(event, Event::Finished { .. })))?;
    /// assert_eq!(finished, 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As for [`handle_message`](Self::handle_message); `emit` was not called.
    pub fn handle_message_each(
        &mut self,
        body: &[u8],
        emit: impl FnMut(Event<OutcomeRef<'_>>),
    ) -> Result<usize, MessageError> {
        self.emit_message(body, emit)
    }

    /// Ends the items whose timeout and grace have passed. [`resend`](Self::resend) has an example.
    pub fn handle_timeout(&mut self, now: Now) {
        let mut events = std::mem::take(&mut self.events);
        while let Some(key) = self.items.pop_expired(now.instant) {
            // An item without a usable id was certainly refused.
            let known_unsent = self.items.id(key).is_none();
            self.end(key, End::TimedOut { known_unsent, said: None }, |event| events.push_back(event));
        }
        self.events = events;
        self.forget();
    }

    /// The next event, if there is one. [`Requester`] has an example.
    pub fn poll_event(&mut self) -> Option<Event> {
        let event = self.events.pop_front();
        if self.events.is_empty() {
            // Starts again at the front of the buffer, which is in the cache.
            self.events.clear();
        }
        event
    }

    /// When to call [`handle_timeout`](Self::handle_timeout) next: at the next deadline or up to 128 ms earlier, never later. `None` if
    /// no item is open.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// assert_eq!(requester.poll_timeout(), None);
    /// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start").with_timeout_ms(1_000);
    /// requester.submit_invokes(&[start], Now::new(0, 1_700_000_000_000))?;
    /// // 1 second of timeout and 5 of grace.
    /// assert!(requester.poll_timeout().is_some_and(|at| (5_872..=6_000).contains(&at.as_millis())));
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    pub fn poll_timeout(&self) -> Option<MonotonicTime> {
        self.items.next_wakeup()
    }

    /// The org of this requester.
    ///
    /// ```
    /// # use setpoint::{Requester, requester::RequesterConfig};
    /// assert_eq!(Requester::new("o1", RequesterConfig::default(), [7; 32]).org_id(), "o1");
    /// ```
    pub fn org_id(&self) -> &str {
        &self.org_id
    }

    /// How many items are open. [`submit_invokes`](Self::submit_invokes) has an example.
    pub fn open_items(&self) -> usize {
        self.items.len()
    }

    /// About how much memory is allocated for items and events, in bytes, for garbage collectors and gauges. It does not shrink when
    /// items end. Takes a step for every few thousand items.
    ///
    /// ```
    /// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::RequesterConfig};
    /// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
    /// let empty = requester.n_bytes();
    /// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
    /// requester.submit_invokes(&vec![start; 1_000], Now::new(0, 1_700_000_000_000))?;
    /// assert!(requester.n_bytes() > empty);
    /// # Ok::<(), setpoint::requester::SubmitError>(())
    /// ```
    pub fn n_bytes(&self) -> usize {
        // The lists of the batches have a number for each open item.
        let slots = self.items.len() * size_of::<u32>();
        self.items.n_bytes() + self.batches.n_bytes() + slots + self.events.capacity() * size_of::<Event>()
    }
}

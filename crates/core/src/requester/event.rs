//! What the requester reports to its caller.

use serde::{Deserialize, Serialize, Serializer};

use crate::{Code, Family, inflight::Id};

use super::{Outcome, OutcomeRef};

/// The id of a batch within one [`Requester`](super::Requester): 1, 2, and so on.
///
/// ```
/// # use setpoint::{DeviceName, InvokeItem, Now, Requester, requester::{RequestBatchId, RequesterConfig}};
/// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
/// assert_eq!(requester.submit_invokes(&[start], Now::default())?.batch, RequestBatchId(1));
/// # Ok::<(), setpoint::requester::SubmitError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
#[allow(clippy::exhaustive_structs, reason = "an integer with a name")]
pub struct RequestBatchId(pub u64);

/// Refers to an item: its batch, its position in it, and its request id.
///
/// ```
/// use setpoint::{Family, requester::{ItemRef, RequestBatchId}};
///
/// let item = ItemRef::new(RequestBatchId(1), 0, Family::Invoke, Some("r1"));
/// assert_eq!((item.index, item.request_id()), (0, Some("r1")));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemRef {
    /// The batch.
    pub batch: RequestBatchId,
    /// The item's position in the batch, from 0.
    pub index: usize,
    #[serde(rename = "requestId", serialize_with = "text_of")]
    pub(super) id: Option<Id>,
}

impl ItemRef {
    /// A reference to an item, for instance one that was stored elsewhere.
    pub fn new(batch: RequestBatchId, index: usize, family: Family, request_id: Option<&str>) -> Self {
        Self { batch, index, id: request_id.map(|id| Id::new(family as u8, id)) }
    }

    /// The item's request id; `None` for an item that was sent without a usable one and so can only be refused.
    pub fn request_id(&self) -> Option<&str> {
        self.id.as_ref().map(Id::as_str)
    }
}

fn text_of<S: Serializer>(id: &Option<Id>, serializer: S) -> Result<S::Ok, S::Error> {
    id.as_ref().map(Id::as_str).serialize(serializer)
}

/// What happened. Every item ends with exactly one of `Refused`, `Finished`, `TimedOut` and `Cancelled`;
/// then, when the batch has no open item left, comes one `BatchDone`.
///
/// `O` is the type of outcomes: [`Outcome`], or, in
/// [`handle_message_each`](super::Requester::handle_message_each), [`OutcomeRef`](super::OutcomeRef).
///
/// ```
/// use setpoint::Event;
///
/// fn log(event: &Event) {
///     match event {
///         Event::Finished { item, outcome } => println!("{:?}: {}", item.request_id(), outcome.code()),
///         Event::Refused { item, refusal } => println!("{:?}: {}", item.request_id(), refusal.msg),
///         Event::TimedOut { item, known_unsent: true, .. } => println!("{:?}: safe to repeat", item.request_id()),
///         Event::TimedOut { item, .. } => println!("{:?}: outcome unknown", item.request_id()),
///         Event::BatchDone { summary, .. } => println!("{} of {} succeeded", summary.succeeded, summary.submitted),
///         _ => {}
///     }
/// }
/// # log(&Event::Unreadable { reason: String::new() });
/// ```
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event<O = Outcome> {
    /// The service accepted the item; its outcome will follow. If the outcome comes before the response, there is no such event.
    Accepted {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
    },
    /// The item was refused and nothing was sent. Ends the item.
    Refused {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// Why.
        refusal: Refused,
    },
    /// The outcome: success, or a known failure. Ends the item.
    Finished {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// The outcome.
        outcome: O,
    },
    /// No outcome in time: the effect is unknown, unless `known_unsent`. Ends the item.
    TimedOut {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// Whether it is known that the command was never sent: only then is it safe to repeat.
        known_unsent: bool,
        /// The service's reply, if it was the service that gave up; `None` if nothing came at all.
        outcome: Option<O>,
    },
    /// The caller cancelled the batch while the item was open; the device may still act. Ends the item.
    Cancelled {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
    },
    /// An outcome for an item that ended with `TimedOut` or `Cancelled` before. Ends nothing.
    Late {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// What came late.
        outcome: O,
    },
    /// A reply that repeats an outcome. Ends nothing.
    Duplicate {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// What came again.
        outcome: O,
        /// Whether it contradicts the last outcome that came for the item.
        conflict: bool,
    },
    /// A reply for a request id that is not known here, or not any more. Ends nothing.
    Unknown {
        /// What came.
        outcome: O,
    },
    /// A reply that could not be read. Ends nothing.
    Unreadable {
        /// Where and why.
        reason: String,
    },
    /// Every item of the batch has ended.
    BatchDone {
        /// The batch.
        batch: RequestBatchId,
        /// How its items ended.
        summary: Summary,
    },
}

impl Event {
    /// The same event with a borrowed outcome.
    ///
    /// ```
    /// use setpoint::{Event, Limits, requester::Outcome};
    ///
    /// let message = br#"{"data":[{"requestId":"r1","serviceId":"start","status":0}]}"#;
    /// let outcome = Outcome::read(message, &Limits::DEFAULT)?.remove(0)?;
    /// let event = Event::Unknown { outcome };
    /// assert!(matches!(event.borrowed(), Event::Unknown { outcome } if outcome.code().is_success()));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn borrowed(&self) -> Event<OutcomeRef<'_>> {
        match self {
            Self::Accepted { item } => Event::Accepted { item: item.clone() },
            Self::Refused { item, refusal } => Event::Refused { item: item.clone(), refusal: refusal.clone() },
            Self::Finished { item, outcome } => Event::Finished { item: item.clone(), outcome: outcome.borrowed() },
            Self::TimedOut { item, known_unsent, outcome } => Event::TimedOut {
                item: item.clone(),
                known_unsent: *known_unsent,
                outcome: outcome.as_ref().map(Outcome::borrowed),
            },
            Self::Cancelled { item } => Event::Cancelled { item: item.clone() },
            Self::Late { item, outcome } => Event::Late { item: item.clone(), outcome: outcome.borrowed() },
            Self::Duplicate { item, outcome, conflict } => {
                Event::Duplicate { item: item.clone(), outcome: outcome.borrowed(), conflict: *conflict }
            }
            Self::Unknown { outcome } => Event::Unknown { outcome: outcome.borrowed() },
            Self::Unreadable { reason } => Event::Unreadable { reason: reason.clone() },
            Self::BatchDone { batch, summary } => Event::BatchDone { batch: *batch, summary: *summary },
        }
    }
}

/// How the items of a batch ended. `submitted` is the sum of the others without `accepted`.
///
/// ```
/// # use setpoint::{DeviceName, Event, InvokeItem, Now, Requester, requester::RequesterConfig};
/// # let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let start = InvokeItem::new("DATASVC.CONTROL.ops", DeviceName::asset("turbine-7"), "start");
/// let submission = requester.submit_invokes(&[start], Now::default())?;
/// requester.cancel(submission.batch);
/// requester.poll_event();
/// assert!(matches!(requester.poll_event(), Some(Event::BatchDone { summary, .. }) if summary.cancelled == 1));
/// # Ok::<(), setpoint::requester::SubmitError>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// Items of the batch.
    pub submitted: usize,
    /// Items that the service is known to have accepted.
    pub accepted: usize,
    /// Items refused.
    pub refused: usize,
    /// Items that ended with success.
    pub succeeded: usize,
    /// Items that ended with a known failure.
    pub failed: usize,
    /// Items without an outcome in time.
    pub timed_out: usize,
    /// Items cancelled.
    pub cancelled: usize,
}

/// Why an item was refused.
///
/// ```
/// use setpoint::{Code, requester::Refused};
///
/// let refused = Refused::new(Code::PARA_ERROR, "para error", Some("timeout: must be 1 to 300000".into()), false);
/// assert_eq!(refused.code.info().map(|info| info.retry), Some(setpoint::Retry::AfterFix));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Refused {
    /// The code.
    pub code: Code,
    /// The code's message.
    pub msg: String,
    /// What exactly is wrong.
    pub submsg: Option<String>,
    /// Whether the whole request was refused; `code` is then the request's status.
    pub whole_request: bool,
}

impl Refused {
    /// A refusal with these parts.
    pub fn new(code: Code, msg: impl Into<String>, submsg: Option<String>, whole_request: bool) -> Self {
        Self { code, msg: msg.into(), submsg, whole_request }
    }
}

/// Why a batch was not submitted. Nothing of it is kept.
///
/// ```
/// use setpoint::{Family, Now, Requester, requester::{RequesterConfig, SubmitError}};
///
/// let mut requester = Requester::new("o1", RequesterConfig::default(), [7; 32]);
/// let error = requester.submit_body(Family::Invoke, "{}", Now::default()).unwrap_err();
/// assert!(matches!(error, SubmitError::Request(error) if error.status == 400));
/// ```
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize)]
#[non_exhaustive]
pub enum SubmitError {
    /// The body is not usable as a whole.
    #[error(transparent)]
    Request(#[from] crate::RequestError),
    /// A request id of the batch is still open, or was used a short while ago, under the same family.
    #[error("item {index}: requestId {request_id:?} is already in use here; give each command an id of its own")]
    InUse {
        /// Which item.
        index: usize,
        /// The id.
        request_id: String,
    },
    /// Too many items are open.
    #[error("{open} items are open and {more} more would pass the bound of {bound}; wait for outcomes first")]
    Full {
        /// Open now.
        open: usize,
        /// Asked for.
        more: usize,
        /// The bound.
        bound: usize,
    },
}

//! What the requester tells its caller.

use serde::{Deserialize, Serialize, Serializer};

use crate::{Code, Family, inflight::Id};

use super::{Outcome, OutcomeRef};

/// Names a batch of one [`Requester`](super::Requester).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RequestBatchId(pub u64);

/// Which item of which batch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ItemRef {
    /// The batch.
    pub batch: RequestBatchId,
    /// The item's place in the batch, from 0.
    pub index: usize,
    #[serde(rename = "requestId", serialize_with = "text_of")]
    pub(super) id: Option<Id>,
}

impl ItemRef {
    /// Names an item, for instance one that was written down elsewhere.
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
/// `O` is what an outcome is: one that its receiver keeps, or, in
/// [`handle_message_each`](super::Requester::handle_message_each), an [`OutcomeRef`](super::OutcomeRef).
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event<O = Outcome> {
    /// The service took the item; its outcome is to come. An outcome that comes before the response says so itself, and
    /// there is no such event then.
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
    /// No outcome in time. Ends the item.
    TimedOut {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// Whether it is known that the command was never sent: only then is it safe to repeat.
        known_unsent: bool,
        /// What the service said, if it was the service that gave up; `None` if nothing came at all.
        outcome: Option<O>,
    },
    /// The caller cancelled the batch while the item was open; the device may act all the same. Ends the item.
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
        /// Whether it says something else than the outcome that ended the item.
        conflict: bool,
    },
    /// A reply under a request id that is not, or no longer, known here. Ends nothing.
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
    /// The event with its outcome where it stands.
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

/// How the items of a batch ended. `submitted` is the sum of all others but `accepted`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Summary {
    /// Items of the batch.
    pub submitted: usize,
    /// Items that the service is known to have taken.
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
    /// A refusal that says this.
    pub fn new(code: Code, msg: impl Into<String>, submsg: Option<String>, whole_request: bool) -> Self {
        Self { code, msg: msg.into(), submsg, whole_request }
    }
}

/// Faults found before anything was sent.
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

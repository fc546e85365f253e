//! What the requester tells its caller.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::{Code, Family, reply::Reply};

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
    /// The item's request id; `None` for an item that was sent without a usable one and so can only be refused.
    pub request_id: Option<Arc<str>>,
}

/// What happened. Every item ends with exactly one of `Refused`, `Finished`, `TimedOut` and `Cancelled`;
/// then, when the batch has no open item left, comes one `BatchDone`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Event {
    /// The service took the item; its outcome is to come.
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
        outcome: Outcome,
    },
    /// No outcome in time. Ends the item.
    TimedOut {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// Whether it is known that the command was never sent: only then is it safe to repeat.
        known_unsent: bool,
        /// What the service said, if it was the service that gave up; `None` if nothing came at all.
        outcome: Option<Outcome>,
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
        outcome: Outcome,
    },
    /// A reply that repeats an outcome. Ends nothing.
    Duplicate {
        /// Which.
        #[serde(flatten)]
        item: ItemRef,
        /// What came again.
        outcome: Outcome,
        /// Whether it says something else than the outcome that ended the item.
        conflict: bool,
    },
    /// A reply under a request id that is not, or no longer, known here. Ends nothing.
    Unknown {
        /// What came.
        outcome: Outcome,
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

/// A reply as it came on the channel, owned.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Outcome {
    /// Invoke or write.
    pub family: Family,
    /// The request id.
    pub request_id: Box<str>,
    /// 0 is success.
    pub code: Code,
    /// The code's message.
    pub msg: Option<Box<str>>,
    /// What exactly happened.
    pub submsg: Option<Box<str>>,
    /// The device, as far as the reply names it.
    pub product_key: Option<Box<str>>,
    /// The device, as far as the reply names it.
    pub device_key: Option<Box<str>>,
    /// The device, as far as the reply names it.
    pub asset_id: Option<Box<str>>,
    /// Service id or measure point id.
    pub target: Option<Box<str>>,
    /// `outputData`, as the device wrote it: JSON text of an object.
    pub output_data: Box<str>,
    /// When the service replied, epoch milliseconds.
    pub gmt_service_reply: Option<i64>,
    /// When the device's answer was received, epoch milliseconds; -1 without one, `None` in the write family.
    pub gmt_device_reply: Option<i64>,
}

impl Outcome {
    /// The reply, owned. A reply without a request id has an empty one.
    pub(super) fn of(reply: &Reply<'_>) -> Self {
        let owned = |text: Option<crate::json::Text<'_>>| text.map(|text| text.decode().into());
        Self {
            family: reply.family,
            request_id: owned(reply.request_id).unwrap_or_default(),
            code: reply.code,
            msg: owned(reply.msg),
            submsg: owned(reply.submsg),
            product_key: owned(reply.product_key),
            device_key: owned(reply.device_key),
            asset_id: owned(reply.asset_id),
            target: owned(reply.target),
            output_data: reply.output.as_str().into(),
            gmt_service_reply: reply.gmt_service_reply,
            gmt_device_reply: reply.gmt_device_reply,
        }
    }

    /// Whether the device did what it was asked.
    pub fn is_success(&self) -> bool {
        self.code.is_success()
    }

    /// The output, deserialised.
    ///
    /// # Errors
    /// The output does not fit `T`.
    pub fn output<'a, T: Deserialize<'a>>(&'a self) -> Result<T, serde_json::Error> {
        serde_json::from_str(&self.output_data)
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

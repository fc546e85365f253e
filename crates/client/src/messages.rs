//! What is sent to the client's task, from the handles and from the tasks that send batches and read sources.

use setpoint::{Family, InvokeItem, WriteItem, requester::RequestBatchId};
use tokio::sync::{OwnedSemaphorePermit, oneshot};

use crate::{Error, SourceEvent, batch_events::BatchEvents, http::Attempt};

/// A batch as the caller gave it.
#[derive(Debug)]
pub(crate) enum BatchContent {
    Invokes(Vec<InvokeItem>),
    Writes(Vec<WriteItem>),
    Body(Family, Vec<u8>),
}

/// From the handles.
#[derive(Debug)]
pub(crate) enum Command {
    Submit {
        content: BatchContent,
        /// The batch's request slot, taken before its deadlines begin.
        permit: OwnedSemaphorePermit,
        submitted: oneshot::Sender<Result<BatchEvents, Error>>,
    },
    Close,
}

/// From the tasks that send batches and read sources.
#[derive(Debug)]
pub(crate) enum Input {
    /// The batch is about to be sent again.
    Resending(RequestBatchId),
    Attempted {
        batch: RequestBatchId,
        attempt: Attempt,
        next_step: oneshot::Sender<NextStep>,
    },
    Source {
        name: String,
        event: SourceEvent,
    },
    SourceEnded {
        name: String,
        reason: String,
    },
}

/// What the sender of a batch does after an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NextStep {
    /// Nothing: the batch needs no more requests.
    Stop,
    /// Send the same body again, after a pause.
    SendAgain,
}

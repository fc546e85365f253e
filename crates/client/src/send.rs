//! Sends one batch until its response has been read, or until the batch has ended without one.

use std::{num::NonZeroU32, sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::{Family, requester::RequestBatchId};
use setpoint_clock::Backoff;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::{
    http::{Attempt, Transport},
    messages::{Input, NextStep},
    seam::random,
};

/// What every batch is sent with.
#[derive(Debug, Clone)]
pub(crate) struct SendContext<T> {
    pub(crate) transport: T,
    /// One permit for each request under way.
    pub(crate) request_slots: Arc<Semaphore>,
    /// How long one attempt waits for its response.
    pub(crate) response_timeout: Duration,
    /// Connection attempts after which a batch that was never sent is given up.
    pub(crate) connect_attempts: NonZeroU32,
    pub(crate) backoff: Backoff,
}

/// A batch whose response has not been read.
pub(crate) struct PendingBatch {
    pub(crate) batch: RequestBatchId,
    pub(crate) family: Family,
    pub(crate) body: Bytes,
    /// How long after now it may be sent again.
    pub(crate) patience: Duration,
}

/// Runs until there is nothing more to send; it is aborted when the batch has ended.
///
/// A body is not sent again once the shortest of its items' timeouts has passed: by then nobody expects that command
/// to be executed any more. The items are then left to their deadlines.
pub(crate) async fn run<T: Transport>(
    mut context: SendContext<T>,
    pending: PendingBatch,
    mut permit: Option<OwnedSemaphorePermit>,
    input: mpsc::Sender<Input>,
) {
    let PendingBatch { batch, family, body, patience } = pending;
    let until = Instant::now() + patience;
    let mut may_have_arrived = false;
    let mut failed_connections = 0;
    loop {
        if may_have_arrived && input.send(Input::Resending(batch)).await.is_err() {
            return;
        }
        let attempt = context.transport.put_batch(family, body.clone(), context.response_timeout).await;
        // Releases the request slot while this waits, so that other batches can use it.
        drop(permit.take());
        match &attempt {
            Attempt::NotSent(error) => {
                failed_connections += 1;
                tracing::warn!(batch = batch.0, reason = error.chain(), attempt = failed_connections, "could not send");
            }
            Attempt::Lost(error) => tracing::warn!(batch = batch.0, reason = error.chain(), "no response"),
            Attempt::Response { status, .. } => tracing::debug!(batch = batch.0, status, "response"),
        }
        let not_sent = matches!(attempt, Attempt::NotSent(_));
        // Without random bits, the pause is all of its step.
        let pause = context.backoff.pause(random().unwrap_or(u32::MAX));
        let time_is_left = || Instant::now() + pause < until;
        let connect_again = not_sent && failed_connections < context.connect_attempts.get() && time_is_left();
        if !connect_again {
            may_have_arrived |= !not_sent;
            let (next_step, decided) = oneshot::channel();
            if input.send(Input::Attempted { batch, attempt, next_step }).await.is_err() {
                return;
            }
            if decided.await != Ok(NextStep::SendAgain) || !time_is_left() {
                return;
            }
        }
        sleep(pause).await;
        permit = Arc::clone(&context.request_slots).acquire_owned().await.ok();
    }
}

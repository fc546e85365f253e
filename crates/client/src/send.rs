//! Sends one batch until its response has been read, or until the batch has ended without one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::{Family, requester::RequestBatchId};
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    time::{Instant, sleep},
};

use crate::{
    actor::Input,
    backoff::Backoff,
    http::{Attempt, Transport},
};

/// What sending takes, the same for every batch.
#[derive(Debug, Clone)]
pub(crate) struct Sending<T> {
    pub(crate) http: T,
    /// One permit for each request under way.
    pub(crate) slots: Arc<Semaphore>,
    /// How long one attempt waits for its response.
    pub(crate) response_timeout: Duration,
    /// How often a connection is tried before a batch that was never sent is given up.
    pub(crate) connect_attempts: u32,
    pub(crate) backoff: Backoff,
}

/// A batch under way.
pub(crate) struct Parcel {
    pub(crate) batch: RequestBatchId,
    pub(crate) family: Family,
    pub(crate) body: Bytes,
    /// How long it may be sent again.
    pub(crate) patience: Duration,
}

/// What the client's task makes of an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing more to do.
    Done,
    /// The same body again, after a pause.
    Again,
}

/// Runs until there is nothing more to send, or is aborted when the batch has ended.
///
/// A body is not sent again once the shortest of its items' timeouts has passed: by then nobody expects that command
/// to be carried out any more. The items are then left to their deadlines.
pub(crate) async fn run<T: Transport>(
    mut sending: Sending<T>,
    parcel: Parcel,
    mut permit: Option<OwnedSemaphorePermit>,
    input: mpsc::Sender<Input>,
) {
    let Parcel { batch, family, body, patience } = parcel;
    let until = Instant::now() + patience;
    let mut may_have_arrived = false;
    let mut refused_connections = 0;
    loop {
        if may_have_arrived && input.send(Input::Resending(batch)).await.is_err() {
            return;
        }
        let attempt = sending.http.put_batch(family, body.clone(), sending.response_timeout).await;
        // The pause belongs to others.
        drop(permit.take());
        match &attempt {
            Attempt::NotSent(reason) => {
                refused_connections += 1;
                tracing::warn!(batch = batch.0, reason, attempt = refused_connections, "could not send");
            }
            Attempt::Lost(reason) => tracing::warn!(batch = batch.0, reason, "no response"),
            Attempt::Response { status, .. } => tracing::debug!(batch = batch.0, status, "response"),
        }
        let not_sent = matches!(attempt, Attempt::NotSent(_));
        let pause = sending.backoff.pause();
        let time_is_left = || Instant::now() + pause < until;
        let another_connection = not_sent && refused_connections < sending.connect_attempts && time_is_left();
        if !another_connection {
            may_have_arrived |= !not_sent;
            let (verdict, next) = oneshot::channel();
            if input.send(Input::Attempted { batch, attempt, verdict }).await.is_err() {
                return;
            }
            if next.await != Ok(Next::Again) || !time_is_left() {
                return;
            }
        }
        sleep(pause).await;
        permit = Arc::clone(&sending.slots).acquire_owned().await.ok();
    }
}

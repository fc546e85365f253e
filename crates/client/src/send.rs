//! Sends one batch until its response has been read, or until the batch has ended without one.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::{
    Family, Limits,
    limits::DEFAULT_TIMEOUT_MS,
    request::{Entry, read_batch},
    requester::RequestBatchId,
};
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
    /// As the requester reads bodies.
    pub(crate) limits: Limits,
}

/// A batch under way.
pub(crate) struct Parcel {
    pub(crate) batch: RequestBatchId,
    pub(crate) family: Family,
    pub(crate) body: Bytes,
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
    let Parcel { batch, family, body } = parcel;
    let started = Instant::now();
    let mut until = None;
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
        // Found out only when the first attempt did not do, which is rare.
        let mut time_is_left = || {
            let until =
                *until.get_or_insert_with(|| started + patience(&body, family, sending.http.org_id(), &sending.limits));
            Instant::now() + pause < until
        };
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

/// The shortest timeout of the items that the service may take.
fn patience(body: &[u8], family: Family, org_id: &str, limits: &Limits) -> Duration {
    let shortest = read_batch(body, family, org_id, limits).ok().and_then(|entries| {
        entries
            .iter()
            .filter_map(|entry| match entry {
                Entry::Accepted(command) => Some(command.timeout_ms),
                Entry::Refused(_) => None,
            })
            .min()
    });
    Duration::from_millis(u64::from(shortest.unwrap_or(DEFAULT_TIMEOUT_MS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patience_is_the_shortest_timeout_that_counts() {
        let item = |id: &str, timeout: &str| {
            format!(
                r#"{{"requestId":"{id}","controlChannelId":"DATASVC.CONTROL.x","assetId":"a","serviceId":"s","timeout":{timeout}}}"#
            )
        };
        let body = format!(r#"{{"data":[{},{},{}]}}"#, item("a", "9000"), item("b", "4000"), item("c", "0"));
        let patience = |body: &str| patience(body.as_bytes(), Family::Invoke, "o", &Limits::DEFAULT).as_millis();
        assert_eq!(patience(&body), 4_000, "item c is refused and does not count");
        assert_eq!(patience(r#"{"data":[1]}"#), u128::from(DEFAULT_TIMEOUT_MS));
    }
}

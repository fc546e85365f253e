//! The two batch calls, under both of their names.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use setpoint::{Family, RequestError, responder::CheckedBatch};
use tokio::{sync::oneshot, task::spawn_blocking};

use super::{App, body, error::HttpError, extract::Action, json};
use crate::{
    access::Caller,
    run::{Batch, NotTaken},
};

/// Bodies from this size on are checked by `spawn_blocking`. A check takes about a millisecond for 1,000 items, some 200 KiB;
/// meanwhile a worker of the runtime would serve no other connection.
const LARGE_BODY_BYTES: usize = 64 << 10;

/// `PUT …/multiInvoke?orgId=` and `PUT …/multiSet?orgId=`.
///
/// Reads and checks the batch, queues it for the run loop, and waits for the answer. If the client goes away before it is
/// queued, nothing was accepted; after that, it is admitted as a whole or not at all, whether or not anybody waits here.
pub(super) async fn put(
    State(app): State<App>,
    family: Family,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let (head, payload) = request.into_parts();
    let body = body::read(&app, &head.headers, payload, app.limits.body_bytes.get()).await?;
    // All of it has come: timeouts run from here.
    let received = setpoint_clock::now();
    let catalog = caller.catalog();
    let catalog_version = catalog.version();
    let (org_id, limits) = (caller.org_id().clone(), app.limits.clone());
    // The catalog is a snapshot, so no lock is held however long this takes.
    let batch = check(&app, body.as_ref().len(), move || {
        CheckedBatch::read(body, family, &org_id, &*catalog, &limits, received)
    });
    let batch = batch.await?;
    let (answer, answered) = oneshot::channel();
    app.run.batch(Batch { batch, catalog_version, answer })?;
    let answer = answered.await.map_err(|_| NotTaken::Unanswered)?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(json(status, answer.body))
}

/// `PUT /edge-service/v1/commands?action=invokeServiceAsync|setMeasurepointAsync&orgId=`.
pub(super) async fn put_by_action(
    app: State<App>,
    Action(family): Action,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    put(app, family, caller, request).await
}

/// Runs the check of a body of this size, on a thread of its own if it is large.
async fn check(
    app: &App,
    body_bytes: usize,
    check: impl FnOnce() -> CheckedBatch + Send + 'static,
) -> Result<CheckedBatch, HttpError> {
    if body_bytes < LARGE_BODY_BYTES {
        return Ok(check());
    }
    // At most one per processor at once: more would only compete for them, with a thread each.
    let _turn = app.readers.acquire().await;
    let panicked = |_| RequestError::internal("the request met a defect of the service");
    Ok(spawn_blocking(check).await.map_err(panicked)?)
}

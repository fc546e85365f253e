//! The two batch calls, under both of their names.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use setpoint::Family;
use tokio::sync::oneshot;

use super::{App, body, error::HttpError, extract::Action, json};
use crate::{
    access::Caller,
    run::{Batch, NotTaken},
};

/// `PUT …/multiInvoke?orgId=` and `PUT …/multiSet?orgId=`.
///
/// Hands the batch over whole, then waits. If the client goes away before the hand-over, nothing was accepted; after
/// it, the batch is judged as a whole or not at all, whether or not anybody waits here.
pub(super) async fn put(
    State(app): State<App>,
    family: Family,
    caller: Caller,
    request: Request,
) -> Result<Response, HttpError> {
    let (head, payload) = request.into_parts();
    let body = body::read(&app, &head.headers, payload, app.config.engine.body_bytes).await?;
    let (answer, answered) = oneshot::channel();
    let org_id = caller.org_id().clone();
    app.run.batch(Batch { org_id, family, body, received: setpoint_clock::now(), answer })?;
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

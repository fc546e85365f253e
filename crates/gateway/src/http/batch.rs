//! The two batch calls, under both of their names.

use axum::{
    extract::{Request, State},
    http::StatusCode,
    response::Response,
};
use setpoint::{Family, responder::CheckedBatch};
use tokio::sync::oneshot;

use super::{
    App, body, json,
    query::{ORG_ID, Query, invalid},
    refusal::Refusal,
};
use crate::{
    clock,
    run::{Batch, NotTaken},
};

/// `PUT …/multiInvoke?orgId=` and `PUT …/multiSet?orgId=`.
pub(super) async fn put(State(app): State<App>, family: Family, request: Request) -> Result<Response, Refusal> {
    let org_id = {
        let query = Query::parse(request.uri().query()).map_err(Refusal::unread)?;
        query.required(ORG_ID).map_err(Refusal::unread)?.to_owned()
    };
    submit(&app, family, org_id, request).await
}

/// `PUT /edge-service/v1/commands?action=invokeServiceAsync|setMeasurepointAsync&orgId=`.
pub(super) async fn put_by_action(State(app): State<App>, request: Request) -> Result<Response, Refusal> {
    let (family, org_id) = {
        let query = Query::parse(request.uri().query()).map_err(Refusal::unread)?;
        let action = query.required("action").map_err(Refusal::unread)?;
        let family = Family::ALL.into_iter().find(|family| family.table().action == action).ok_or_else(|| {
            let [invoke, write] = Family::ALL.map(|family| family.table().action);
            Refusal::unread(invalid("action", format!("the action is neither {invoke} nor {write}")))
        })?;
        (family, query.required(ORG_ID).map_err(Refusal::unread)?.to_owned())
    };
    submit(&app, family, org_id, request).await
}

/// Hands the batch over whole, then waits. If the client goes away before the hand-over, nothing was accepted; after
/// it, the batch is judged as a whole or not at all, whether or not anybody waits here.
async fn submit(app: &App, family: Family, org_id: String, request: Request) -> Result<Response, Refusal> {
    let (head, payload) = request.into_parts();
    let body = body::read(app, &head.headers, payload, app.config.engine.body_bytes.get()).await?;
    // All of it has come: timeouts run from here.
    let received = clock::now();
    let limits = app.config.engine.responder().limits;
    let batch = CheckedBatch::read(body, family, &org_id, &*app.registry(), &limits, received);
    let (answer, answered) = oneshot::channel();
    app.run.batch(Batch { batch, answer })?;
    let answer = answered.await.map_err(|_| NotTaken::Unanswered)?;
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    Ok(json(status, answer.body))
}

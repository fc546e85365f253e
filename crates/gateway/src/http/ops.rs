//! What operators and their tools ask.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{App, json, serialize};
use crate::{error::Chain, telemetry::CONTENT_TYPE};

/// `GET /healthz`: 200 as long as the process is worth keeping.
pub(super) async fn healthz(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Body {
        healthy: bool,
        reason: Option<String>,
    }
    let reason = app.health.state().failure.map(|error| Chain(&error).to_string());
    let healthy = reason.is_none();
    let status = if healthy { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    json(status, serialize(&Body { healthy, reason }))
}

/// `GET /readyz`: 200 as long as batches are accepted and the broker is reached.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Body {
        ready: bool,
        accepting: bool,
        devices: bool,
        channels: bool,
    }
    let health = app.health.state();
    let ready = health.is_ready();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let body = Body { ready, accepting: health.accepting, devices: health.devices, channels: health.channels };
    json(status, serialize(&body))
}

/// `GET /metrics`, for Prometheus.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], app.metrics.render()).into_response()
}

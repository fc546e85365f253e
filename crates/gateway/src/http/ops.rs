//! What operators and their tools ask.

use axum::{
    extract::State,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::Serialize;

use super::{App, json};
use crate::metrics::{CONTENT_TYPE, Link};

/// `GET /healthz`: 200 as long as the process is worth keeping.
pub(super) async fn healthz(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Health {
        healthy: bool,
        reason: Option<String>,
    }
    let reason = app.lifecycle.failure().map(|error| error.to_string());
    let healthy = reason.is_none();
    let status = if healthy { StatusCode::OK } else { StatusCode::INTERNAL_SERVER_ERROR };
    json(status, serde_json::to_vec(&Health { healthy, reason }).unwrap_or_default())
}

/// `GET /readyz`: 200 as long as batches are accepted and the broker is reached.
pub(super) async fn readyz(State(app): State<App>) -> Response {
    #[derive(Serialize)]
    struct Readiness {
        ready: bool,
        accepting: bool,
        devices: bool,
        channels: bool,
    }
    let accepting = !app.lifecycle.drain.is_cancelled();
    let (devices, channels) = (app.metrics.is_up(Link::Devices), app.metrics.is_up(Link::Channels));
    let ready = accepting && devices && channels;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    json(status, serde_json::to_vec(&Readiness { ready, accepting, devices, channels }).unwrap_or_default())
}

/// `GET /metrics`, for Prometheus.
pub(super) async fn metrics(State(app): State<App>) -> Response {
    ([(header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE))], app.metrics.render()).into_response()
}

//! The event stream of a channel.

use std::{sync::Arc, time::Duration};

use axum::{
    body::Body,
    extract::State,
    http::{HeaderMap, HeaderValue, header},
    response::{IntoResponse, Response},
};
use prometheus_client::metrics::gauge::Gauge;
use setpoint::{Code, RequestError};
use tokio::sync::OwnedSemaphorePermit;

use super::{App, error::HttpError, extract::Id};
use crate::{
    access::Caller,
    catalog::{ChannelError, family_of},
    feeds::event_stream,
};

/// `GET /channels/{id}/events?orgId=`, with `Last-Event-ID` to resume.
pub(super) async fn get(
    State(app): State<App>,
    caller: Caller,
    Id(id): Id,
    headers: HeaderMap,
) -> Result<Response, HttpError> {
    let Some(family) = family_of(&id) else {
        if caller.existing_org().is_err() {
            return Err(RequestError::unknown_org().into());
        }
        let reason = "a channel id starts with DATASVC.CONTROL. or DATASVC.SET.";
        return Err(RequestError::new(404, Code::NOT_FOUND.msg(), reason).into());
    };
    let channel = caller.channel(family, &id).map_err(|error| HttpError::channel(family, error))?;
    // It may have been deleted since the catalog was read.
    let log = app.feeds.log(caller.org_id(), &channel.id);
    let log = log.ok_or(HttpError::Channel(family, ChannelError::Missing))?;
    let Ok(permit) = Arc::clone(&app.streams).try_acquire_owned() else {
        return Err(RequestError::unavailable("as many event streams are open as may be: try again later").into());
    };
    // What is not text is not an id of ours, and is answered like any other foreign one.
    let last_event_id = headers.get("last-event-id").map(|id| id.to_str().unwrap_or(""));
    let start = log.resume(last_event_id);
    let heartbeat = Duration::from_millis(app.config.events.heartbeat_ms.get());
    let subscription = Subscription::new(permit, &app.metrics.streams);
    let stream = event_stream(log, start, heartbeat, app.lifecycle.drain, subscription);
    let headers = [
        (header::CONTENT_TYPE, HeaderValue::from_static("text/event-stream")),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        // Proxies that buffer would hold events back.
        (header::HeaderName::from_static("x-accel-buffering"), HeaderValue::from_static("no")),
    ];
    Ok((headers, Body::from_stream(stream)).into_response())
}

/// Counts an open stream until it is dropped.
struct Subscription {
    _permit: OwnedSemaphorePermit,
    open: Gauge,
}

impl Subscription {
    fn new(permit: OwnedSemaphorePermit, open: &Gauge) -> Self {
        open.inc();
        Self { _permit: permit, open: open.clone() }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.open.dec();
    }
}

//! The HTTP side: routes, request bodies, event streams, and the server that accepts connections.

mod batch;
mod body;
mod channel_body;
mod channels;
mod error;
mod events;
mod extract;
mod ops;
mod query;
mod serve;

use std::{num::NonZeroUsize, sync::Arc, thread::available_parallelism};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::Serialize;
use setpoint::{Code, Family, Limits, RequestError};
use tokio::{sync::Semaphore, time::Instant};
use tower_http::catch_panic::CatchPanicLayer;

use self::error::HttpError;
pub(crate) use self::serve::Server;
use crate::{
    access::Access, catalog::Catalog, config::Config, feeds::Feeds, lifecycle::Lifecycle, ports::Health,
    run::RunHandle, telemetry::Metrics,
};

/// Methods that are label values of metrics. A client can invent others without end: those count as `other`.
const NAMED_METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];

/// The state of every handler. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    config: Arc<Config>,
    access: Access,
    feeds: Arc<Feeds>,
    run: RunHandle,
    metrics: Metrics,
    health: Health,
    lifecycle: Lifecycle,
    /// What one batch may cost to read.
    limits: Arc<Limits>,
    /// Large bodies that may be read at once.
    readers: Arc<Semaphore>,
    /// Memory for request bodies, in bytes.
    body_memory: Arc<Semaphore>,
    /// Event streams that may still be opened.
    streams: Arc<Semaphore>,
}

impl App {
    pub(crate) fn new(
        config: Arc<Config>,
        catalog: Arc<Catalog>,
        feeds: Arc<Feeds>,
        run: RunHandle,
        metrics: Metrics,
        health: Health,
        lifecycle: Lifecycle,
    ) -> Self {
        let permits = |permits: NonZeroUsize| Arc::new(Semaphore::new(permits.get()));
        Self {
            access: Access::new(catalog),
            feeds,
            run,
            metrics,
            health,
            lifecycle,
            limits: Arc::new(config.engine.responder.limits.clone()),
            readers: permits(available_parallelism().unwrap_or(NonZeroUsize::MIN)),
            body_memory: permits(config.http.body_bytes_in_all),
            streams: permits(config.events.max_streams),
            config,
        }
    }
}

/// Every route.
pub(crate) fn router(app: App) -> Router {
    let mut router = Router::new()
        .route("/edge-service/v1/commands", put(batch::put_by_action))
        .route("/channels/{id}/events", get(events::get))
        .route("/healthz", get(ops::healthz))
        .route("/readyz", get(ops::readyz))
        .route("/metrics", get(ops::metrics));
    for family in Family::ALL {
        let table = family.table();
        router = router
            .route(table.path, put(move |app, caller, request| batch::put(app, family, caller, request)))
            .route(
                table.channels_path,
                post(move |app, caller, request| channels::create(app, family, caller, request))
                    .get(move |caller, request| channels::list(family, caller, request)),
            )
            .route(
                &format!("{}/{{id}}", table.channels_path),
                get(move |caller, id| channels::get(family, caller, id))
                    .put(move |app, caller, id, request| channels::update(app, family, caller, id, request))
                    .delete(move |app, force, caller, id| channels::delete(app, family, force, caller, id)),
            );
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

async fn no_route(request: Request) -> HttpError {
    let reason = format!("there is no route {}", request.uri().path());
    HttpError::unread(RequestError::new(404, Code::NOT_FOUND.msg(), reason))
}

async fn wrong_method(request: Request) -> HttpError {
    let reason = format!("{} cannot be called with {}: see the Allow header", request.uri().path(), request.method());
    HttpError::unread(RequestError::new(405, "Method Not Allowed", reason))
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    let error = RequestError::new(500, Code::INTERNAL.msg(), "the request met a defect of the service");
    HttpError::unread(error).into_response()
}

/// Counts and times every request under the pattern of its route: a path that a client chose would be a new series each time.
async fn measure(State(app): State<App>, request: Request, next: Next) -> Response {
    let started = Instant::now();
    let matched = request.extensions().get::<MatchedPath>().cloned();
    let method = request.method().clone();
    let response = next.run(request).await;
    let route = matched.as_ref().map_or("none", MatchedPath::as_str);
    let method = match &matched {
        None => "any",
        Some(_) if NAMED_METHODS.contains(&method) => method.as_str(),
        Some(_) => "other",
    };
    app.metrics.http.answered(route, method, response.status().as_u16(), started.elapsed());
    response
}

fn serialize(value: &impl Serialize) -> Vec<u8> {
    // Strings and numbers, written to memory, cannot fail.
    serde_json::to_vec(value).unwrap_or_default()
}

/// A JSON response.
fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

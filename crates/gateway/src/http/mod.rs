//! The HTTP front: it reads requests, hands them over, and waits for the answers.

mod batch;
mod body;
mod channels;
mod events;
mod ops;
mod query;
mod refusal;
mod serve;

use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

use axum::{
    Router,
    extract::{MatchedPath, Request, State},
    http::{HeaderValue, Method, StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use setpoint::{Code, Family, RequestError};
use tokio::{sync::Semaphore, time::Instant};
use tower_http::catch_panic::CatchPanicLayer;

use self::refusal::Refusal;
pub(crate) use self::serve::Server;
use crate::{config::Config, lifecycle::Lifecycle, metrics::Metrics, registry::Registry, run::RunHandle};

/// Methods that metrics name; a client can make up others without end.
const NAMED_METHODS: [Method; 5] = [Method::GET, Method::HEAD, Method::POST, Method::PUT, Method::DELETE];

/// What every handler can reach. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct App {
    pub(crate) config: Arc<Config>,
    pub(crate) registry: Arc<RwLock<Registry>>,
    pub(crate) run: RunHandle,
    pub(crate) metrics: Metrics,
    pub(crate) lifecycle: Lifecycle,
    /// Memory for request bodies, in bytes.
    pub(crate) body_memory: Arc<Semaphore>,
    /// Event streams that may still be opened.
    pub(crate) streams: Arc<Semaphore>,
}

impl App {
    fn registry(&self) -> RwLockReadGuard<'_, Registry> {
        self.registry.read().unwrap_or_else(PoisonError::into_inner)
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
            .route(table.path, put(move |app, request| batch::put(app, family, request)))
            .route(
                table.channels_path,
                post(move |app, request| channels::create(app, family, request))
                    .get(move |app, request| channels::list(app, family, request)),
            )
            .route(
                &format!("{}/{{id}}", table.channels_path),
                get(move |app, id, request| channels::get(app, family, id, request))
                    .put(move |app, id, request| channels::update(app, family, id, request))
                    .delete(move |app, id, request| channels::delete(app, family, id, request)),
            );
    }
    router
        .fallback(no_route)
        .method_not_allowed_fallback(wrong_method)
        .layer(CatchPanicLayer::custom(|_| panicked()))
        .layer(from_fn_with_state(app.clone(), measure))
        .with_state(app)
}

async fn no_route(request: Request) -> Refusal {
    let reason = format!("there is no route {}", request.uri().path());
    Refusal::unread(RequestError::new(404, Code::NOT_FOUND.msg(), reason))
}

async fn wrong_method(request: Request) -> Refusal {
    let reason = format!("{} cannot be called with {}: see the Allow header", request.uri().path(), request.method());
    Refusal::unread(RequestError::new(405, "Method Not Allowed", reason))
}

fn panicked() -> Response {
    tracing::error!("a handler panicked");
    let error = RequestError::new(500, Code::INTERNAL.msg(), "the request met a defect of the service");
    Refusal::unread(error).into_response()
}

/// Counts and times every request under its route, never under what a client wrote.
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

/// A JSON response.
fn json(status: StatusCode, body: Vec<u8>) -> Response {
    (status, [(header::CONTENT_TYPE, HeaderValue::from_static("application/json"))], body).into_response()
}

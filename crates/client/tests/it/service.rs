//! A scripted service that records its requests.

use std::{
    collections::VecDeque,
    convert::Infallible,
    net::SocketAddr,
    num::NonZeroUsize,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::{IntoResponse, Response},
    routing::{get, put},
};
use futures_util::stream;
use serde_json::{Value, json};
use setpoint::{DeviceName, InvokeItem, requester::RequesterConfig};
use setpoint_client::{Builder, Client};
use tokio::{net::TcpSocket, sync::watch, task::JoinHandle};

pub(crate) const CHANNEL: &str = "DATASVC.CONTROL.ops";

/// What to do with the next batch.
#[derive(Debug)]
pub(crate) enum Step {
    /// Accept every item.
    Accept,
    /// Publish a success for every item, and only then accept them.
    OutcomesFirst,
    /// Answer this.
    Answer(u16, &'static str),
    /// Read it, start to answer, and abort the connection.
    BreakOff,
    /// Read it, and answer without end.
    Endless,
    /// Read it, and answer when `release` has been called once for each such step so far, this one included.
    Hold,
}

#[derive(Debug, Default)]
struct Inner {
    script: VecDeque<Step>,
    /// The body of every batch call, with its path and query.
    batches: Vec<(String, Bytes)>,
    /// What was published; the first is event 1.
    messages: Vec<String>,
    /// The `Last-Event-ID` of every connection to the stream.
    connections: Vec<Option<String>>,
    /// Connections up to this one are cut.
    cut: usize,
    /// Whether the stream gives ids.
    without_ids: bool,
    /// Whether the channel is gone.
    deleted: bool,
    released: usize,
    held: usize,
}

/// The service; the script's default is to accept.
#[derive(Debug, Clone)]
pub(crate) struct Service {
    inner: Arc<Mutex<Inner>>,
    changed: watch::Sender<()>,
    addr: SocketAddr,
    _task: Arc<Task>,
}

#[derive(Debug)]
struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Service {
    pub(crate) async fn start(script: impl IntoIterator<Item = Step>) -> Self {
        let (port, _) = reserve();
        Self::start_on(port, script).await
    }

    /// Starts on a port on which nobody has listened so far.
    pub(crate) async fn start_on(port: TcpSocket, script: impl IntoIterator<Item = Step>) -> Self {
        let inner = Arc::new(Mutex::new(Inner { script: script.into_iter().collect(), ..Inner::default() }));
        let (changed, _) = watch::channel(());
        let listener = port.listen(1_024).unwrap();
        let addr = listener.local_addr().unwrap();
        let shared = (Arc::clone(&inner), changed.clone());
        let router = Router::new()
            .route("/dataService/devices/multiInvoke", put(batch))
            .route("/dataService/devices/multiSet", put(batch))
            .route("/channels/{id}/events", get(events))
            .with_state(shared);
        let task = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { inner, changed, addr, _task: Arc::new(Task(task)) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A builder with everything set for short waits.
    pub(crate) fn builder(&self) -> Builder {
        quick(Client::builder(self.url())).channel(CHANNEL)
    }

    pub(crate) async fn client(&self) -> Client {
        self.builder().build().await.unwrap()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap()
    }

    pub(crate) fn then(&self, step: Step) {
        self.lock().script.push_back(step);
    }

    /// Publishes a message.
    pub(crate) fn publish(&self, message: impl Into<String>) {
        self.lock().messages.push(message.into());
        self.changed.send_replace(());
    }

    /// Sends one held answer.
    pub(crate) fn release(&self) {
        self.lock().released += 1;
        self.changed.send_replace(());
    }

    /// Ends every connection to the stream so far.
    pub(crate) fn cut_streams(&self) {
        let mut inner = self.lock();
        inner.cut = inner.connections.len();
        drop(inner);
        self.changed.send_replace(());
    }

    pub(crate) fn without_ids(&self) {
        self.lock().without_ids = true;
    }

    pub(crate) fn delete_channel(&self, deleted: bool) {
        self.lock().deleted = deleted;
    }

    /// The `Last-Event-ID` of every connection to the stream so far.
    pub(crate) fn connections(&self) -> Vec<Option<String>> {
        self.lock().connections.clone()
    }

    /// The bodies of all batch calls so far.
    pub(crate) fn bodies(&self) -> Vec<Bytes> {
        self.lock().batches.iter().map(|(_, body)| body.clone()).collect()
    }

    /// Waits until `batches` batch calls have come in.
    pub(crate) async fn received(&self, batches: usize) {
        self.wait(|inner| inner.batches.len() >= batches).await;
    }

    /// Waits until the stream has been connected to `times` times.
    pub(crate) async fn connected(&self, times: usize) {
        self.wait(|inner| inner.connections.len() >= times).await;
    }

    async fn wait(&self, mut done: impl FnMut(&Inner) -> bool) {
        wait_for((&self.inner, &self.changed), |inner| done(inner).then_some(())).await;
    }
}

/// A port reserved for this test on which nobody listens: connections are refused.
pub(crate) fn reserve() -> (TcpSocket, SocketAddr) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let addr = socket.local_addr().unwrap();
    (socket, addr)
}

/// The builder with short waits.
pub(crate) fn quick(builder: Builder) -> Builder {
    let mut config = RequesterConfig::default();
    config.grace_ms = 0;
    builder
        .org_id("o1")
        .requester(config)
        .backoff(Duration::from_millis(1), Duration::from_millis(20))
        .connect_timeout(Duration::from_secs(5))
        .response_timeout(Duration::from_secs(5))
}

type Shared = (Arc<Mutex<Inner>>, watch::Sender<()>);

async fn wait_for<T>(shared: (&Mutex<Inner>, &watch::Sender<()>), mut found: impl FnMut(&mut Inner) -> Option<T>) -> T {
    let mut changes = shared.1.subscribe();
    loop {
        if let Some(found) = found(&mut shared.0.lock().unwrap()) {
            return found;
        }
        changes.changed().await.unwrap();
    }
}

async fn batch(State((inner, changed)): State<Shared>, uri: Uri, body: Bytes) -> Response {
    let step = {
        let mut inner = inner.lock().unwrap();
        inner.batches.push((uri.to_string(), body.clone()));
        inner.script.pop_front().unwrap_or(Step::Accept)
    };
    changed.send_replace(());
    let accepted = || json(200, &accepted(&body));
    match step {
        Step::Accept => accepted(),
        Step::OutcomesFirst => {
            inner.lock().unwrap().messages.push(successes(&body).to_string());
            changed.send_replace(());
            accepted()
        }
        Step::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Step::BreakOff => {
            let pieces = [Ok(Bytes::from_static(b"{\"status\":0,")), Err(std::io::Error::other("scripted"))];
            Body::from_stream(stream::iter(pieces)).into_response()
        }
        Step::Endless => {
            let piece = Bytes::from_static(&[b' '; 1 << 16]);
            Body::from_stream(stream::repeat_with(move || Ok::<_, Infallible>(piece.clone()))).into_response()
        }
        Step::Hold => {
            let turn = {
                let mut inner = inner.lock().unwrap();
                inner.held += 1;
                inner.held
            };
            wait_for((&inner, &changed), |inner| (inner.released >= turn).then_some(())).await;
            accepted()
        }
    }
}

async fn events(State((inner, changed)): State<Shared>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    if !id.ends_with(".ops") || inner.lock().unwrap().deleted {
        return json(404, &json!({"status":404,"msg":"Invalid object id","submsg":"no such channel in this org"}));
    }
    let last_id = headers.get("last-event-id").map(|value| value.to_str().unwrap().to_owned());
    let (me, at, without_ids) = {
        let mut inner = inner.lock().unwrap();
        inner.connections.push(last_id.clone());
        let at = last_id.map_or(inner.messages.len(), |id| id.parse().unwrap());
        (inner.connections.len(), at, inner.without_ids)
    };
    changed.send_replace(());
    let start = if without_ids { ": hello\n\n".to_owned() } else { format!("id: {at}\n\n") };
    let pieces = stream::unfold((at, Some(start)), move |(at, start)| {
        let (inner, changed) = (Arc::clone(&inner), changed.clone());
        async move {
            if let Some(start) = start {
                return Some((Ok::<_, Infallible>(start), (at, None)));
            }
            let message = wait_for((&inner, &changed), |inner| {
                (inner.cut >= me).then_some(None).or_else(|| inner.messages.get(at).cloned().map(Some))
            })
            .await?;
            let id = if without_ids { String::new() } else { format!("id: {}\n", at + 1) };
            Some((Ok(format!("{id}data: {message}\n\n")), (at + 1, None)))
        }
    });
    ([("content-type", "text/event-stream")], Body::from_stream(pieces)).into_response()
}

fn json(status: u16, body: &Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), body.to_string()).into_response()
}

/// The items of a batch body.
pub(crate) fn items(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["data"].as_array().unwrap().clone()
}

pub(crate) fn request_id(item: &Value) -> String {
    item["requestId"].as_str().unwrap().to_owned()
}

fn accepted(body: &[u8]) -> Value {
    let replies: Vec<_> = items(body).into_iter().map(|item| reply(item, 0, Value::Null)).collect();
    json!({"status":0,"msg":"Success","submsg":null,"data":replies})
}

fn reply(mut item: Value, code: i64, output: Value) -> Value {
    item["status"] = code.into();
    item["outputData"] = output;
    item
}

/// A channel message with a success for every item; its output names the item.
pub(crate) fn successes(body: &[u8]) -> Value {
    let replies: Vec<_> = items(body)
        .into_iter()
        .map(|item| {
            let output = json!({ "of": item["requestId"] });
            reply(item, 0, output)
        })
        .collect();
    json!({ "data": replies })
}

/// A channel message with one outcome.
pub(crate) fn outcome(request_id: &str, code: i64) -> Value {
    let item = json!({"requestId":request_id,"controlChannelId":CHANNEL,"serviceId":"start"});
    json!({ "data": [reply(item, code, json!({ "of": request_id }))] })
}

pub(crate) fn count(n: usize) -> NonZeroUsize {
    NonZeroUsize::new(n).unwrap()
}

/// An invoke with this request id, for the client's channel.
pub(crate) fn invoke(request_id: &str) -> InvokeItem {
    InvokeItem::new("", DeviceName::asset("turbine-7"), "start").with_request_id(request_id)
}

/// Fails the test if the future takes too long.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(Duration::from_secs(20), future).await.expect("this should not take long")
}

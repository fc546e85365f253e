//! Callers that send batches and go away, and a reader of the event stream.

use std::{
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::StatusCode,
    response::Response,
};
use futures_util::stream;
use http_body_util::BodyExt;
use hyper::service::Service as _;
use hyper_util::service::TowerToHyperService;
use serde_json::{Value, json};
use setpoint_interleave::{below, chance, cut, note};
use tokio::time::timeout;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{books::Books, links::pause, service::CHANNEL};

/// A caller that waits so long has been forgotten.
const LONG: Duration = Duration::from_secs(600);
/// Timeout of an item that a device has time for, in milliseconds.
const PATIENT_MS: u32 = 20_000;

/// What a caller needs of the gateway.
#[derive(Clone)]
pub(super) struct Caller {
    pub(super) router: Router,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) requests: TaskTracker,
    pub(super) drain: CancellationToken,
}

/// Some items, in one body.
struct Batch {
    ids: Vec<String>,
    body: Bytes,
}

impl Caller {
    /// Sends some batches, one after the other. The request ids of each.
    pub(super) async fn call(self, name: String) -> Vec<Vec<String>> {
        let mut sent = Vec::new();
        for number in 0..=below(3) {
            let batch = Batch::new(&format!("{name}.{number}"));
            sent.push(batch.ids.clone());
            match below(6) {
                0 => self.go_away(&batch).await,
                // Its fate is unknown, so it is sent again.
                1 => {
                    self.go_away(&batch).await;
                    pause().await;
                    self.stay(&batch).await;
                }
                2 => drop(tokio::join!(self.stay(&batch), self.stay(&batch))),
                3 => drop(tokio::join!(self.go_away(&batch), self.stay(&batch))),
                _ => self.stay(&batch).await,
            }
            pause().await;
        }
        sent
    }

    /// Sends the batch, waits for the answer, and checks it against the books.
    async fn stay(&self, batch: &Batch) {
        let Some(request) = self.request(batch) else { return };
        let response = timeout(LONG, request).await.expect("an answer");
        let status = response.status();
        let answer = body(response).await;
        note(|| format!("{:?} gets {status}", batch.ids[0]));
        let books = self.books.lock().unwrap();
        match status {
            StatusCode::OK => {
                let answer: Value = serde_json::from_slice(&answer).unwrap();
                let replies = answer["data"].as_array().unwrap();
                let ids: Vec<_> = replies.iter().map(|reply| reply["requestId"].as_str().unwrap()).collect();
                assert_eq!(ids, batch.ids, "its own items, in order");
                assert!(replies.iter().all(|reply| reply["status"] == 0), "{answer}");
                books.answered(&batch.ids);
            }
            StatusCode::SERVICE_UNAVAILABLE => assert!(books.stopping, "there is room: {answer:?}"),
            StatusCode::INTERNAL_SERVER_ERROR => {
                assert!(books.stopping, "nothing has failed: {answer:?}");
            }
            other => panic!("{other}: {answer:?}"),
        }
    }

    /// Sends the batch, and disconnects at one of the awaits.
    async fn go_away(&self, batch: &Batch) {
        let Some(request) = self.request(batch) else { return };
        let gone = cut(request).await.is_none();
        note(|| format!("{:?} goes away: {gone}", batch.ids[0]));
    }

    /// The request, if the server still accepts requests. A lost connection drops it.
    fn request(&self, batch: &Batch) -> Option<impl Future<Output = Response> + use<>> {
        if self.drain.is_cancelled() {
            return None;
        }
        for id in &batch.ids {
            *self.books.lock().unwrap().sent.entry(id.clone()).or_default() += 1;
        }
        let at = below(batch.body.len() as u64) as usize;
        let pieces = vec![batch.body.slice(..at), batch.body.slice(at..)];
        let pieces = stream::unfold(pieces.into_iter(), |mut pieces| async move {
            let piece = pieces.next()?;
            pause().await;
            Some((Ok::<_, Infallible>(piece), pieces))
        });
        let request = Request::put("/dataService/devices/multiInvoke?orgId=o1")
            .header("content-type", "application/json")
            .body(Body::from_stream(pieces))
            .unwrap();
        let response = TowerToHyperService::new(self.router.clone()).call(request);
        Some(self.requests.track_future(async move { response.await.unwrap() }))
    }

    /// Reads the event stream to its end: the channel messages in it.
    pub(super) async fn read_events(self) -> Vec<String> {
        let request = Request::get(format!("/channels/{CHANNEL}/events?orgId=o1")).body(Body::empty()).unwrap();
        let response = TowerToHyperService::new(self.router.clone()).call(request).await.unwrap();
        assert_eq!(response.status(), StatusCode::OK);
        let text = String::from_utf8(body(response).await.to_vec()).unwrap();
        text.lines().filter_map(|line| line.strip_prefix("data: ")).map(str::to_owned).collect()
    }
}

async fn body(response: Response) -> Bytes {
    response.into_body().collect().await.unwrap().to_bytes()
}

impl Batch {
    fn new(name: &str) -> Self {
        let ids: Vec<_> = (0..=below(2)).map(|item| format!("{name}.{item}")).collect();
        let items: Vec<_> = ids
            .iter()
            .map(|id| {
                let timeout_ms = if chance(3) { 20 + below(300) as u32 } else { PATIENT_MS };
                json!({ "requestId": id, "controlChannelId": CHANNEL, "assetId": format!("a{}", 1 + below(3)),
                        "serviceId": "start", "inputData": {}, "timeout": timeout_ms })
            })
            .collect();
        Self { ids, body: json!({ "data": items }).to_string().into() }
    }
}

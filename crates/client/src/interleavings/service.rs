//! A service and its channel, whose behaviour the seed chooses.

use std::{
    panic::resume_unwind,
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use bytes::Bytes;
use serde_json::{Value, json};
use setpoint::Family;
use setpoint_interleave::{Scripted, below, chance, note, task, turns};
use tokio::{
    sync::{Semaphore, mpsc, oneshot},
    time::{sleep, timeout},
};

use super::oracle::Oracle;
use crate::{
    ChannelSource, SourceError, SourceEvent, SourceFuture,
    http::{Attempt, Transport},
    transport_error::{Cause, TransportError},
};

/// More requests than ever wait at a barrier.
const MAX_WAITING: usize = 1_000;

/// What the channel does next.
#[derive(Debug)]
pub(super) enum Feed {
    /// Outcomes of these items, in one message.
    Outcomes(Vec<String>),
    /// Something other than a message.
    Change(SourceEvent),
    /// The source ends.
    End,
    /// The source panics.
    Panic,
}

/// The service, as the client's senders see it. Clones share it.
#[derive(Debug, Clone)]
pub(super) struct Service {
    oracle: Arc<Mutex<Oracle>>,
    channel: mpsc::UnboundedSender<Feed>,
    /// Once it has a size, requests are answered only when so many are under way at once.
    barrier: Arc<Barrier>,
}

/// As [`tokio::sync::Barrier`], which wakes its waiters in an order that no seed chooses.
#[derive(Debug)]
struct Barrier {
    missing: Mutex<Option<usize>>,
    open: Semaphore,
}

/// The channel, as the client hears it.
#[derive(Debug)]
pub(super) struct Channel {
    oracle: Arc<Mutex<Oracle>>,
    feed: mpsc::UnboundedReceiver<Feed>,
}

/// When the outcome of an item comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum When {
    BeforeTheAnswer,
    WithTheAnswer,
    Later,
    Never,
}

impl Service {
    pub(super) fn new() -> (Self, Channel) {
        let oracle = Arc::new(Mutex::new(Oracle::default()));
        let (channel, feed) = mpsc::unbounded_channel();
        let barrier = Arc::new(Barrier { missing: Mutex::default(), open: Semaphore::new(0) });
        (Self { oracle: Arc::clone(&oracle), channel, barrier }, Channel { oracle, feed })
    }

    pub(super) fn oracle(&self) -> MutexGuard<'_, Oracle> {
        self.oracle.lock().unwrap()
    }

    pub(super) fn feed(&self, feed: Feed) {
        // Fails only when the client has ended.
        let _ = self.channel.send(feed);
    }

    /// From here on, requests are answered only when so many are under way at once.
    pub(super) fn answer_together(&self, requests: usize) {
        *self.barrier.missing.lock().unwrap() = Some(requests);
    }

    /// Executes a batch, whether or not anyone still waits for the answer.
    async fn serve(self, body: Bytes, answer: Option<oneshot::Sender<Bytes>>) {
        pause().await;
        let certain = self.barrier.missing.lock().unwrap().is_some();
        let mut when = Vec::new();
        let replies: Vec<_> = items(&body)
            .into_iter()
            .map(|mut item| {
                let id = item["requestId"].as_str().unwrap().to_owned();
                let mut oracle = self.oracle();
                let known = oracle.item(&id);
                let first = known.accepted.is_none();
                let accepted = *known.accepted.get_or_insert_with(|| certain || !chance(8));
                // For a repeated item, the outcome may be published once more.
                if accepted && (first || chance(2)) {
                    when.push((id, draw_when(certain)));
                }
                item["status"] = json!(if accepted { 0 } else { 24_000 });
                item
            })
            .collect();
        self.publish(&when, When::BeforeTheAnswer);
        pause().await;
        if let Some(answer) = answer {
            let body = json!({ "status": 0, "msg": "Success", "submsg": null, "data": replies });
            // The client may have gone.
            let _ = answer.send(body.to_string().into());
        }
        self.publish(&when, When::WithTheAnswer);
        sleep(Duration::from_millis(below(300))).await;
        self.publish(&when, When::Later);
    }

    fn publish(&self, when: &[(String, When)], now: When) {
        let ids: Vec<_> = when.iter().filter(|(_, when)| *when == now).map(|(id, _)| id.clone()).collect();
        let apart = chance(2);
        let messages = if apart { ids.chunks(1) } else { ids.chunks(ids.len().max(1)) };
        for message in messages {
            self.feed(Feed::Outcomes(message.to_vec()));
            if chance(8) {
                self.feed(Feed::Outcomes(message.to_vec()));
            }
            if chance(16) {
                self.feed(Feed::Change(SourceEvent::Disconnected("scripted".to_owned())));
                self.feed(Feed::Change(SourceEvent::Connected));
            }
        }
    }

    fn work(&self, body: Bytes, answer: Option<oneshot::Sender<Bytes>>) {
        tokio::spawn(task("service", self.clone().serve(body, answer)));
    }
}

impl Barrier {
    /// One more request is under way. Returns whether it has to wait for others.
    fn arrive(&self) -> bool {
        let mut missing = self.missing.lock().unwrap();
        let Some(left) = &mut *missing else { return false };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.open.add_permits(MAX_WAITING);
        }
        true
    }
}

fn draw_when(certain: bool) -> When {
    match below(if certain { 6 } else { 7 }) {
        0 | 1 => When::BeforeTheAnswer,
        2 => When::WithTheAnswer,
        3..6 => When::Later,
        _ => When::Never,
    }
}

async fn pause() {
    match below(3) {
        0 => {}
        1 => turns(below(20)).await,
        _ => sleep(Duration::from_millis(below(60))).await,
    }
}

impl Transport for Service {
    async fn put_batch(&self, _: Family, body: Bytes, at_most: Duration) -> Attempt {
        pause().await;
        let waits = self.barrier.arrive();
        if waits {
            self.barrier.open.acquire().await.unwrap().forget();
        }
        let (answer, answered) = oneshot::channel();
        match if waits { 9 } else { below(14) } {
            0 => return Attempt::NotSent(lost("scripted")),
            1 => return Attempt::Lost(lost("before it arrived")),
            2 => {
                let busy = json!({ "status": 503, "msg": "Service Unavailable", "submsg": "scripted" });
                return Attempt::Response { status: 503, body: busy.to_string().into() };
            }
            3 => {
                self.work(body, None);
                pause().await;
                return Attempt::Lost(lost("after it arrived"));
            }
            4 => {
                self.work(body, None);
                sleep(at_most).await;
                return Attempt::Lost(lost("no response in time"));
            }
            5 => {
                self.work(body, None);
                pause().await;
                return Attempt::Response { status: 502, body: Bytes::from_static(b"<html>bad gateway</html>") };
            }
            _ => self.work(body.clone(), Some(answer)),
        }
        let Ok(Ok(response)) = timeout(at_most, answered).await else { return Attempt::Lost(lost("scripted")) };
        pause().await;
        for item in items(&body) {
            self.oracle().item(item["requestId"].as_str().unwrap()).answered = true;
        }
        Attempt::Response { status: 200, body: response }
    }
}

fn lost(reason: &'static str) -> TransportError {
    Cause::Scripted(reason).into()
}

fn items(body: &[u8]) -> Vec<Value> {
    let body: Value = serde_json::from_slice(body).unwrap();
    body["data"].as_array().unwrap().clone()
}

impl ChannelSource for Channel {
    fn name(&self) -> String {
        "scripted".to_owned()
    }

    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async {
            match self.feed.recv().await? {
                Feed::Outcomes(ids) => {
                    note(|| format!("outcomes of {ids:?}"));
                    let mut oracle = self.oracle.lock().unwrap();
                    ids.iter().for_each(|id| oracle.item(id).heard = true);
                    Some(SourceEvent::Message(message(&ids)))
                }
                Feed::Change(event) => Some(event),
                Feed::End => {
                    self.feed.close();
                    None
                }
                Feed::Panic => resume_unwind(Box::new(Scripted)),
            }
        })
    }

    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {
            match below(4) {
                0 => std::future::pending().await,
                1 => sleep(Duration::from_millis(below(1_000))).await,
                _ => {}
            }
        })
    }
}

/// A channel message with a success for each item; its output names the item.
fn message(ids: &[String]) -> Bytes {
    let replies: Vec<_> = ids
        .iter()
        .map(|id| {
            json!({ "requestId": id, "controlChannelId": "DATASVC.CONTROL.ops", "serviceId": "start", "status": 0,
                    "outputData": { "of": id } })
        })
        .collect();
    json!({ "data": replies }).to_string().into()
}

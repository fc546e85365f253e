//! A service and its channel, which do whatever the seed says.

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

use super::books::Books;
use crate::{
    ChannelSource, SourceError, SourceEvent, SourceFuture,
    http::{Attempt, Transport},
};

/// More requests than ever wait for a rally.
const OPEN: usize = 1_000;

/// What the channel does next.
#[derive(Debug)]
pub(super) enum Feed {
    /// Outcomes of these items, in one message.
    Outcomes(Vec<String>),
    /// Something that is no message.
    Change(SourceEvent),
    /// It ends for good.
    End,
    /// It panics.
    Panic,
}

/// The service, as the client's senders see it. Clones are the same service.
#[derive(Debug, Clone)]
pub(super) struct Service {
    books: Arc<Mutex<Books>>,
    channel: mpsc::UnboundedSender<Feed>,
    /// Once it is told how many, it answers nobody before so many requests are under way at once, and then all.
    rally: Arc<Rally>,
}

/// Tokio's own barrier wakes up in an order that no seed decides.
#[derive(Debug)]
struct Rally {
    missing: Mutex<Option<usize>>,
    open: Semaphore,
}

/// The channel, as the client hears it.
#[derive(Debug)]
pub(super) struct Channel {
    books: Arc<Mutex<Books>>,
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
        let books = Arc::new(Mutex::new(Books::default()));
        let (channel, feed) = mpsc::unbounded_channel();
        let rally = Arc::new(Rally { missing: Mutex::default(), open: Semaphore::new(0) });
        (Self { books: Arc::clone(&books), channel, rally }, Channel { books, feed })
    }

    pub(super) fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap()
    }

    pub(super) fn feed(&self, feed: Feed) {
        // After the client's end nobody listens.
        let _ = self.channel.send(feed);
    }

    /// From here on, answers come only when so many requests are under way at once.
    pub(super) fn rally(&self, requests: usize) {
        *self.rally.missing.lock().unwrap() = Some(requests);
    }

    /// Works on a batch, whether or not anyone still waits for the answer.
    async fn serve(self, body: Bytes, answer: Option<oneshot::Sender<Bytes>>) {
        pause().await;
        let sure = self.rally.missing.lock().unwrap().is_some();
        let mut when = Vec::new();
        let replies: Vec<_> = items(&body)
            .into_iter()
            .map(|mut item| {
                let id = item["requestId"].as_str().unwrap().to_owned();
                let mut books = self.books();
                let book = books.item(&id);
                let first = book.taken.is_none();
                let taken = *book.taken.get_or_insert_with(|| sure || !chance(8));
                // Whoever repeats an item may get its outcome once more.
                if taken && (first || chance(2)) {
                    when.push((id, draw_when(sure)));
                }
                item["status"] = json!(if taken { 0 } else { 24_000 });
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

impl Rally {
    /// One more request is under way; whether it waits for others.
    fn come(&self) -> bool {
        let mut missing = self.missing.lock().unwrap();
        let Some(left) = &mut *missing else { return false };
        *left = left.saturating_sub(1);
        if *left == 0 {
            self.open.add_permits(OPEN);
        }
        true
    }
}

fn draw_when(sure: bool) -> When {
    match below(if sure { 6 } else { 7 }) {
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
        let rallied = self.rally.come();
        if rallied {
            self.rally.open.acquire().await.unwrap().forget();
        }
        let (answer, answered) = oneshot::channel();
        match if rallied { 9 } else { below(14) } {
            0 => return Attempt::NotSent("scripted".to_owned()),
            1 => return Attempt::Lost("before it arrived".to_owned()),
            2 => {
                let busy = json!({ "status": 503, "msg": "Service Unavailable", "submsg": "scripted" });
                return Attempt::Response { status: 503, body: busy.to_string().into() };
            }
            3 => {
                self.work(body, None);
                pause().await;
                return Attempt::Lost("after it arrived".to_owned());
            }
            4 => {
                self.work(body, None);
                sleep(at_most).await;
                return Attempt::Lost("no response in time".to_owned());
            }
            5 => {
                self.work(body, None);
                pause().await;
                return Attempt::Response { status: 502, body: Bytes::from_static(b"<html>bad gateway</html>") };
            }
            _ => self.work(body.clone(), Some(answer)),
        }
        let Ok(Ok(response)) = timeout(at_most, answered).await else { return Attempt::Lost("scripted".to_owned()) };
        pause().await;
        for item in items(&body) {
            self.books().item(item["requestId"].as_str().unwrap()).answered = true;
        }
        Attempt::Response { status: 200, body: response }
    }
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
                    let mut books = self.books.lock().unwrap();
                    ids.iter().for_each(|id| books.item(id).heard = true);
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

/// A channel message with a success for each item, whose output says whose it is.
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

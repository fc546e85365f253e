//! One run: callers, devices, a reader of events, and an end.

use std::time::Duration;

use setpoint_interleave::{alive, below, chance, note, task};
use tokio::time::{sleep, timeout};

use super::{callers::Caller, service::Service};

/// Later than every deadline of the story.
const AFTER_ALL: Duration = Duration::from_secs(30);

/// How it ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// Shut down when everything is over.
    AfterAll,
    /// Shut down in the middle.
    Shutdown,
    /// The store fails in the middle.
    StoreFails,
    /// Dropped in the middle.
    Abort,
}

pub(super) async fn story(end: End) {
    let service = Service::start();
    let caller = Caller {
        router: service.router.clone(),
        books: service.books.clone(),
        requests: service.requests.clone(),
        drain: service.lifecycle.drain.clone(),
    };
    let books = service.books.clone();
    let reader = tokio::spawn(task("reader", caller.clone().read_events()));
    let callers: Vec<_> =
        (0..=below(4)).map(|name| tokio::spawn(task("caller", caller.clone().call(name.to_string())))).collect();
    drop(caller);

    if end != End::AfterAll {
        sleep(Duration::from_millis(below(400))).await;
    }
    let mut callers = Some(callers);
    let mut batches = Vec::new();
    match end {
        End::AfterAll => {
            for caller in callers.take().unwrap() {
                batches.extend(caller.await.unwrap());
            }
            sleep(AFTER_ALL).await;
            books.lock().unwrap().accepted_is_decided();
            books.lock().unwrap().decided_is_published();
        }
        End::Shutdown => {}
        End::StoreFails => {
            note(|| "the store breaks".to_owned());
            books.lock().unwrap().store_breaks = true;
            // Whether it is noticed depends on there being something to store.
            if chance(2) {
                let ended = service.lifecycle.ended();
                drop(timeout(Duration::from_secs(1), ended).await);
            }
        }
        End::Abort => {
            note(|| "aborted".to_owned());
            books.lock().unwrap().stopping = true;
            service.lifecycle.abort.cancel();
        }
    }
    let seen = books.lock().unwrap().messages.len();
    service.shutdown().await;
    for caller in callers.into_iter().flatten() {
        batches.extend(caller.await.unwrap());
    }
    let read = timeout(AFTER_ALL, reader).await.expect("the stream ends").unwrap();
    let books = books.lock().unwrap();
    for ids in &batches {
        books.whole_or_not_at_all(ids);
    }
    // The stream may end before the last messages, but it has no gap before that.
    assert!(read.len() >= seen || end == End::StoreFails, "{} of {seen} messages were read", read.len());
    assert_eq!(read, books.messages[..read.len().min(books.messages.len())], "each once, in order");
    assert_eq!(["run loop", "store", "devices' link", "channels' link", "caller"].map(alive), [0; 5]);
}

//! How a client ends, how its sources end, and what is released when a caller's task ends.

use std::{panic::resume_unwind, pin::pin, task::Context, time::Duration};

use futures_util::{StreamExt, task::noop_waker_ref};
use setpoint_client::{ChannelEvent, ChannelSource, Client, Error, SourceError, SourceEvent, SourceFuture};
use tokio::sync::oneshot;

use crate::{
    exchange::settle,
    service::{CHANNEL, Service, Step, count, invoke, quick, soon},
};

/// A source without messages that ends when it is told to.
struct Ending {
    end: oneshot::Receiver<()>,
    panics: bool,
    /// Closing takes until this arrives.
    closed: Option<oneshot::Receiver<()>>,
}

impl ChannelSource for Ending {
    fn name(&self) -> String {
        "ending".to_owned()
    }
    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { Ok(()) })
    }
    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async {
            let _ = (&mut self.end).await;
            if self.panics {
                // Unlike `panic!`, this prints nothing.
                resume_unwind(Box::new("scripted"));
            }
            None
        })
    }
    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {
            if let Some(closed) = &mut self.closed {
                let _ = closed.await;
            }
        })
    }
}

async fn reported_end(source: Ending, end: oneshot::Sender<()>) -> String {
    let service = Service::start([]).await;
    let client = quick(Client::builder(service.url())).channel(CHANNEL).source(source).build().await.unwrap();
    let mut changes = client.channel_events();
    end.send(()).unwrap();
    let Some(ChannelEvent::Ended { reason, .. }) = soon(changes.next()).await else { panic!("it has ended") };
    let error = client.invoke([invoke("a")]).await.unwrap_err();
    assert!(matches!(error, Error::SourceEnded { .. }), "{error}");
    assert!(service.bodies().is_empty(), "nobody would hear its outcome");
    reason
}

#[tokio::test]
async fn a_source_that_panics_has_ended_like_any_other() {
    let (end, ended) = oneshot::channel();
    let reason = reported_end(Ending { end: ended, panics: true, closed: None }, end).await;
    assert!(reason.contains("panicked"), "{reason}");
}

#[tokio::test]
async fn the_end_of_a_source_is_told_before_it_has_closed() {
    let (end, ended) = oneshot::channel();
    let (_never, closed) = oneshot::channel();
    reported_end(Ending { end: ended, panics: false, closed: Some(closed) }, end).await;
}

#[tokio::test]
async fn whoever_closes_a_client_waits_until_its_task_has_ended() {
    let service = Service::start([]).await;
    let (_end, ended) = oneshot::channel();
    let (close, closed) = oneshot::channel();
    let source = Ending { end: ended, panics: false, closed: Some(closed) };
    let client = quick(Client::builder(service.url())).channel(CHANNEL).source(source).build().await.unwrap();
    let mut changes = client.channel_events();
    let (mut first, mut second) = (pin!(client.close()), pin!(client.close()));
    let mut context = Context::from_waker(noop_waker_ref());
    assert!(first.as_mut().poll(&mut context).is_pending());
    // The client's task is closing: it has ended the streams and waits for its source.
    assert_eq!(soon(changes.next()).await, None);
    assert!(second.as_mut().poll(&mut context).is_pending(), "the task has not ended");
    close.send(()).unwrap();
    soon(first).await;
    soon(second).await;
    soon(client.close()).await;
}

#[tokio::test]
async fn calls_that_wait_for_a_slot_are_told_when_the_client_is_closed() {
    let service = Service::start([Step::Hold]).await;
    let builder = service.builder().requests_under_way(count(1)).response_timeout(Duration::MAX);
    let client = builder.build().await.unwrap();
    let first = client.invoke([invoke("first")]).await.unwrap();
    let second = tokio::spawn({
        let client = client.clone();
        async move { client.invoke([invoke("second")]).await.map(drop) }
    });
    soon(service.received(1)).await;
    soon(client.close()).await;
    assert!(matches!(soon(second).await.unwrap(), Err(Error::Closed)));
    assert_eq!(settle(first).await.1.cancelled, 1);
    assert_eq!(service.bodies().len(), 1);
}

#[tokio::test]
async fn a_caller_whose_task_is_aborted_gives_its_slot_back() {
    let service = Service::start([Step::Hold]).await;
    let builder = service.builder().requests_under_way(count(1)).response_timeout(Duration::MAX);
    let client = builder.build().await.unwrap();
    let caller = tokio::spawn({
        let client = client.clone();
        async move { client.invoke([invoke("aborted")]).await.unwrap().summary().await }
    });
    soon(service.received(1)).await;
    // It holds the only slot, and its response never comes.
    caller.abort();
    service.then(Step::OutcomesFirst);
    assert_eq!(settle(soon(client.invoke([invoke("kept")])).await.unwrap()).await.1.succeeded, 1);
    assert!(caller.await.unwrap_err().is_cancelled());
}

//! Forwards what a source yields to the client's task.

use std::{
    future::poll_fn,
    panic::{AssertUnwindSafe, catch_unwind},
    task::Poll,
};

use tokio::sync::{mpsc, watch};

use super::{ChannelSource, SourceEvent, SourceFuture};
use crate::{messages::Input, seam::select};

/// Runs until the source ends or the client stops.
pub(crate) async fn run(
    mut source: Box<dyn ChannelSource>,
    input: mpsc::Sender<Input>,
    mut stop: watch::Receiver<bool>,
) {
    let name = source.name();
    let (reason, panicked) = loop {
        let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
        let event = select! {
            event = catch_panic(source.next()) => Some(event),
            () = stopped => None,
        };
        let event = match event {
            Some(Ok(Some(event))) => event,
            Some(Ok(None)) => break ("it yields no more messages".to_owned(), false),
            Some(Err(Panicked)) => break ("it panicked".to_owned(), true),
            None => {
                source.close().await;
                return;
            }
        };
        log(&name, &event);
        if input.send(Input::Source { name: name.clone(), event }).await.is_err() {
            source.close().await;
            return;
        }
    };
    // Before the source closes, which may never end: until the client's task knows, it sends batches whose outcomes
    // nobody hears. Fails only if the client has stopped as well.
    let _ = input.send(Input::SourceEnded { name, reason }).await;
    // After a panic, the state of the source is unknown: it is not called again.
    if !panicked {
        source.close().await;
    }
}

/// The source panicked. The panic hook has printed the message.
struct Panicked;

/// Turns a panic of the source into its end. If a panic ended this task unnoticed, the client would go on sending batches
/// whose outcomes nobody hears.
async fn catch_panic<T>(mut future: SourceFuture<'_, T>) -> Result<T, Panicked> {
    poll_fn(|cx| {
        let polled = catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(cx)));
        polled.map_or(Poll::Ready(Err(Panicked)), |polled| polled.map(Ok))
    })
    .await
}

fn log(name: &str, event: &SourceEvent) {
    match event {
        SourceEvent::Message(_) => {}
        SourceEvent::Connected => tracing::info!(source = name, "connected again"),
        SourceEvent::Disconnected(reason) => tracing::warn!(source = name, reason, "disconnected"),
        SourceEvent::Gap(reason) => tracing::warn!(source = name, reason, "messages may have been missed"),
        SourceEvent::Unreadable(reason) => tracing::warn!(source = name, reason, "unreadable"),
    }
}

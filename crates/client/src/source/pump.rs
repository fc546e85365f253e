//! Carries what a source yields to the client's task.

use tokio::sync::{mpsc, watch};

use super::{ChannelSource, SourceEvent};
use crate::actor::Input;

/// Runs until the source ends or the client stops.
pub(crate) async fn run(
    mut source: Box<dyn ChannelSource>,
    input: mpsc::Sender<Input>,
    mut stop: watch::Receiver<bool>,
) {
    let name = source.name();
    let reason = loop {
        let stopped = async { drop(stop.wait_for(|stop| *stop).await) };
        let event = tokio::select! {
            event = source.next() => Some(event),
            () = stopped => None,
        };
        let Some(event) = event else {
            source.close().await;
            return;
        };
        let Some(event) = event else { break "it yields no more messages".to_owned() };
        log(&name, &event);
        if input.send(Input::Source { name: name.clone(), event }).await.is_err() {
            source.close().await;
            return;
        }
    };
    source.close().await;
    // When nobody takes this, the client has stopped as well.
    let _ = input.send(Input::SourceEnded { name, reason }).await;
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

//! One reader's event stream.

use std::{convert::Infallible, sync::Arc, time::Duration, vec};

use bytes::Bytes;
use futures_util::{Stream, stream};
#[cfg(test)]
use setpoint_interleave::select;
#[cfg(not(test))]
use tokio::select;
use tokio::{sync::watch, time::sleep};
use tokio_util::sync::CancellationToken;

use super::log::{ChannelLog, Found, Position};

/// Most messages taken from the log at once.
const BATCH: usize = 64;
/// A comment: a sign of life that no reader sees.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");

/// The events of a channel from a position on, as server-sent events.
///
/// The stream opens at once with a comment and with the event id that it starts from: a reader knows that it is connected,
/// and can resume from there even if no message comes. A reader that falls behind by more than the log keeps is
/// disconnected; when it resumes, it is told of the gap. The stream ends with the channel and with `stop`.
/// `subscription` is dropped with the stream.
pub(crate) fn event_stream(
    log: Arc<ChannelLog>,
    start: Position,
    heartbeat: Duration,
    stop: CancellationToken,
    subscription: impl Send + 'static,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    let mut opening = format!(": ready\nretry: 1000\nid: {}\n\n", log.event_id(start.after));
    if let Some(reason) = start.gap {
        opening.push_str("event: gap\ndata: {\"reason\":\"");
        opening.push_str(reason);
        opening.push_str("\"}\n\n");
    }
    let reader = Reader {
        changes: log.changes(),
        log,
        after: start.after,
        opening: Some(Bytes::from(opening)),
        waiting: Vec::new().into_iter(),
        heartbeat,
        stop,
        _subscription: subscription,
    };
    stream::unfold(reader, |mut reader| async move {
        let frame = reader.next().await?;
        Some((Ok(frame), reader))
    })
}

struct Reader<S> {
    log: Arc<ChannelLog>,
    changes: watch::Receiver<u64>,
    /// The number of the last message that was sent.
    after: u64,
    opening: Option<Bytes>,
    /// Messages that come after it, not yet framed.
    waiting: vec::IntoIter<Bytes>,
    heartbeat: Duration,
    stop: CancellationToken,
    _subscription: S,
}

impl<S> Reader<S> {
    async fn next(&mut self) -> Option<Bytes> {
        loop {
            if let Some(opening) = self.opening.take() {
                return Some(opening);
            }
            if let Some(message) = self.waiting.next() {
                self.after += 1;
                return Some(self.log.frame(self.after, &message));
            }
            self.changes.mark_unchanged();
            match self.log.after(self.after, BATCH) {
                Found::Messages(messages) => {
                    self.waiting = messages.into_iter();
                    continue;
                }
                Found::Nothing if self.stop.is_cancelled() => return None,
                Found::Nothing => {}
                Found::Lost | Found::Closed => return None,
            }
            select! {
                changed = self.changes.changed() => changed.ok()?,
                () = sleep(self.heartbeat) => return Some(HEARTBEAT),
                // Once more round: what is there is sent before the end.
                () = self.stop.cancelled() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::StreamExt;

    use super::*;
    use crate::feeds::Feeds;

    async fn text(stream: &mut (impl Stream<Item = Result<Bytes, Infallible>> + Unpin)) -> Option<String> {
        stream.next().await.map(|Ok(bytes)| String::from_utf8(bytes.to_vec()).unwrap())
    }

    #[tokio::test(start_paused = true)]
    async fn it_opens_at_once_then_carries_messages_and_signs_of_life_and_ends_with_the_channel() {
        let log = Feeds::one();
        let stop = CancellationToken::new();
        let mut stream = pin!(event_stream(Arc::clone(&log), log.resume(None), Duration::from_secs(15), stop, ()));
        assert_eq!(text(&mut stream).await.unwrap(), ": ready\nretry: 1000\nid: run-0\n\n");
        log.append(Bytes::from_static(b"{\"data\":[]}"));
        assert_eq!(text(&mut stream).await.unwrap(), "id: run-1\ndata: {\"data\":[]}\n\n");
        assert_eq!(text(&mut stream).await.unwrap(), ":\n\n");
        log.append(Bytes::from_static(b"{}"));
        log.close();
        assert_eq!(text(&mut stream).await.unwrap(), "id: run-2\ndata: {}\n\n");
        assert_eq!(text(&mut stream).await, None);
    }

    #[tokio::test(start_paused = true)]
    async fn a_gap_is_told_first_and_a_stop_ends_the_stream() {
        let log = Feeds::one();
        log.append(Bytes::from_static(b"{}"));
        let stop = CancellationToken::new();
        let start = log.resume(Some("of-another-run-7"));
        let mut stream = pin!(event_stream(Arc::clone(&log), start, Duration::from_secs(15), stop.clone(), ()));
        let opening = text(&mut stream).await.unwrap();
        assert!(opening.contains("id: run-0\n") && opening.contains("event: gap\ndata: {\"reason\":"), "{opening}");
        assert_eq!(text(&mut stream).await.unwrap(), "id: run-1\ndata: {}\n\n");
        stop.cancel();
        assert_eq!(text(&mut stream).await, None);
    }
}

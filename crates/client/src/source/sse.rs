//! The service's event stream: `GET /channels/{id}/events`, resumable.

use std::{collections::VecDeque, time::Duration};

use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, HeaderValue},
};
use setpoint_clock::Backoff;
use tokio::time::timeout;
use url::Url;

use super::{
    ChannelSource, SourceError, SourceEvent, SourceFuture,
    connect_error::ConnectError,
    sse_parser::{Parsed, Parser},
};
use crate::{
    envelope,
    http::{Http, read},
    seam::random,
    transport_error::TransportError,
};

/// Bytes read of an answer that refuses the stream.
const MAX_REFUSAL_BYTES: usize = 64 << 10;
/// A connection without a byte for so long, not even a comment, is taken for dead. The service sends a comment every
/// 15 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(45);

/// A channel's server-sent events over HTTP. Reconnects with `Last-Event-ID`, so that nothing is lost as long as the
/// service still holds it; what it no longer holds is reported as a gap.
///
/// A client listens on these unless it is told otherwise ([`Builder::mqtt`](crate::Builder::mqtt),
/// [`Builder::source`](crate::Builder::source)).
#[derive(Debug)]
pub struct EventStream {
    http: reqwest::Client,
    url: Url,
    channel_id: String,
    org_id: String,
    max_event_bytes: usize,
    /// How long the service may take to answer a connection.
    response_timeout: Duration,
    backoff: Backoff,
    connection: Option<Response>,
    parser: Parser,
    /// Parsed, and not yielded yet.
    pending: VecDeque<SourceEvent>,
    /// Why it is not connected, as it was reported last.
    reported: String,
}

impl EventStream {
    pub(crate) fn new(
        http: &Http,
        channel_id: &str,
        max_event_bytes: usize,
        response_timeout: Duration,
        backoff: Backoff,
    ) -> Self {
        Self {
            http: http.client().clone(),
            url: http.url("/channels", &[channel_id, "events"], &[]),
            channel_id: channel_id.to_owned(),
            org_id: http.org_id().to_owned(),
            max_event_bytes,
            response_timeout,
            backoff,
            connection: None,
            parser: Parser::new(max_event_bytes, None),
            pending: VecDeque::new(),
            reported: String::new(),
        }
    }

    async fn connect(&mut self) -> Result<(), ConnectError> {
        let last_id = self.parser.last_id().map(str::to_owned);
        let mut request = self.http.get(self.url.clone()).header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = last_id.as_deref().filter(|id| !id.is_empty()) {
            request = request.header("last-event-id", id);
        }
        let response = match timeout(self.response_timeout, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                let reason = "no connection; check the URL and that the service runs (`setpoint serve`)";
                return Err(ConnectError::because(reason, TransportError::from_http(error)));
            }
            Err(_) => return Err(ConnectError::new("no response in time")),
        };
        let status = response.status();
        if status != StatusCode::OK {
            let body = timeout(self.response_timeout, read(response, MAX_REFUSAL_BYTES)).await;
            let body = body.ok().and_then(Result::ok).unwrap_or_default();
            return Err(ConnectError::new(self.explain(status, &body)));
        }
        let is_stream = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
        if !is_stream {
            return Err(ConnectError::new("the answer is not an event stream; check the URL"));
        }
        self.parser = Parser::new(self.max_event_bytes, last_id);
        self.connection = Some(response);
        Ok(())
    }

    /// What a refusal means, and what to do.
    fn explain(&self, status: StatusCode, body: &[u8]) -> String {
        let answer = envelope::describe(body).map(|answer| format!(" ({answer})")).unwrap_or_default();
        if status == StatusCode::NOT_FOUND {
            return format!(
                "the service answered 404{answer}; does org {:?} have this channel? Create it with \
                 `setpoint channel create {}` or `Channels::create`",
                self.org_id, self.channel_id
            );
        }
        format!("the service answered HTTP {}{answer}", status.as_u16())
    }

    /// Reads one piece of the connection into `pending`.
    ///
    /// # Errors
    /// The connection has ended, for this reason.
    async fn read(&mut self) -> Result<(), String> {
        let Some(connection) = &mut self.connection else { return Ok(()) };
        let bytes = match timeout(IDLE_TIMEOUT, connection.chunk()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Err("the service closed the stream".to_owned()),
            Ok(Err(error)) => return Err(TransportError::from_http(error).chain()),
            Err(_) => return Err(format!("no byte for {} s, not even a comment", IDLE_TIMEOUT.as_secs())),
        };
        self.backoff.reset();
        let (pending, max_event_bytes) = (&mut self.pending, self.max_event_bytes);
        self.parser.push(&bytes, |parsed| {
            pending.push_back(match parsed {
                Parsed::Event { kind, data } if kind == "gap" => {
                    SourceEvent::Gap(format!("the service no longer holds them: {}", String::from_utf8_lossy(&data)))
                }
                Parsed::Event { data, .. } => SourceEvent::Message(data.into()),
                Parsed::TooLarge => {
                    SourceEvent::Unreadable(format!("an event of more than {max_event_bytes} bytes was skipped"))
                }
            });
        });
        Ok(())
    }
}

impl ChannelSource for EventStream {
    fn name(&self) -> String {
        self.url.to_string()
    }

    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
        Box::pin(async { self.connect().await.map_err(|error| error.of_source(self.url.as_str())) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async {
            loop {
                if let Some(event) = self.pending.pop_front() {
                    return Some(event);
                }
                if self.connection.is_some() {
                    if let Err(reason) = self.read().await {
                        self.connection = None;
                        self.reported.clone_from(&reason);
                        return Some(SourceEvent::Disconnected(reason));
                    }
                    continue;
                }
                let resumable = self.parser.last_id().is_some_and(|id| !id.is_empty());
                tokio::time::sleep(self.backoff.pause(random().unwrap_or(u32::MAX))).await;
                match self.connect().await {
                    Ok(()) => {
                        if !resumable {
                            self.pending.push_back(SourceEvent::Gap(
                                "the stream broke before it had given an event id to resume from".to_owned(),
                            ));
                        }
                        return Some(SourceEvent::Connected);
                    }
                    // Goes on trying, and reports each new reason, such as a deleted channel, once.
                    Err(error) => {
                        let reason = error.chain();
                        if reason != self.reported {
                            self.reported.clone_from(&reason);
                            return Some(SourceEvent::Disconnected(reason));
                        }
                    }
                }
            }
        })
    }
}

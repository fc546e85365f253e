//! The service's own event stream: `GET /channels/{id}/events`, resumable.

use std::{collections::VecDeque, time::Duration};

use reqwest::{
    Response, StatusCode,
    header::{ACCEPT, HeaderValue},
};
use tokio::time::timeout;
use url::Url;

use super::{
    ChannelSource, SourceError, SourceEvent, SourceFuture,
    parser::{Parsed, Parser},
};
use crate::{
    backoff::Backoff,
    http::{Http, read},
};

/// Most bytes read of an answer that refuses the stream.
const REFUSAL_BYTES: usize = 64 << 10;

/// A channel's server-sent events over HTTP. Reconnects with `Last-Event-ID`, so that nothing is lost as long as the
/// service still holds it; what it no longer holds is a gap.
#[derive(Debug)]
pub struct EventStream {
    http: reqwest::Client,
    url: Url,
    channel_id: String,
    org_id: String,
    most: usize,
    /// Without a byte for so long, not even a comment, the connection counts as dead.
    idle: Duration,
    /// How long a connection may take to be answered.
    answer: Duration,
    backoff: Backoff,
    live: Option<Response>,
    parser: Parser,
    waiting: VecDeque<SourceEvent>,
    /// Why it is not connected, as it was told last.
    told: String,
}

/// Why a connection could not be made.
struct Refused {
    reason: String,
}

impl EventStream {
    pub(crate) fn new(http: &Http, channel_id: &str, most: usize, answer: Duration, backoff: Backoff) -> Self {
        Self {
            http: http.client().clone(),
            url: http.url("/channels", &[channel_id, "events"], &[]),
            channel_id: channel_id.to_owned(),
            org_id: http.org_id().to_owned(),
            most,
            idle: Duration::from_secs(45),
            answer,
            backoff,
            live: None,
            parser: Parser::new(most, None),
            waiting: VecDeque::new(),
            told: String::new(),
        }
    }

    async fn connect(&mut self) -> Result<(), Refused> {
        let last_id = self.parser.last_id().map(str::to_owned);
        let mut request = self.http.get(self.url.clone()).header(ACCEPT, HeaderValue::from_static("text/event-stream"));
        if let Some(id) = last_id.as_deref().filter(|id| !id.is_empty()) {
            request = request.header("last-event-id", id);
        }
        let response = match timeout(self.answer, request.send()).await {
            Ok(Ok(response)) => response,
            Ok(Err(error)) => {
                return Err(Refused {
                    reason: format!(
                        "{}; check the URL and that the service runs (`setpoint serve`)",
                        crate::http::describe(error)
                    ),
                });
            }
            Err(_) => return Err(Refused { reason: "no response in time".to_owned() }),
        };
        let status = response.status();
        if status != StatusCode::OK {
            let body = timeout(self.answer, read(response, REFUSAL_BYTES)).await.ok().and_then(Result::ok);
            let body = body.unwrap_or_default();
            return Err(Refused { reason: self.explain(status, &body) });
        }
        let is_stream = response
            .headers()
            .get("content-type")
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("text/event-stream"));
        if !is_stream {
            return Err(Refused { reason: "the answer is not an event stream; check the URL".to_owned() });
        }
        self.parser = Parser::new(self.most, last_id);
        self.live = Some(response);
        Ok(())
    }

    fn explain(&self, status: StatusCode, body: &[u8]) -> String {
        let said = crate::envelope::said(body).map(|said| format!(" ({said})")).unwrap_or_default();
        if status == StatusCode::NOT_FOUND {
            return format!(
                "the service answered 404{said}; does org {:?} have this channel? Create it with \
                 `setpoint channel create {}` or `Channels::create`",
                self.org_id, self.channel_id
            );
        }
        format!("the service answered HTTP {}{said}", status.as_u16())
    }

    /// Takes in one piece of the live connection; whether it is still alive.
    async fn read(&mut self) -> Result<(), String> {
        let Some(live) = &mut self.live else { return Ok(()) };
        let bytes = match timeout(self.idle, live.chunk()).await {
            Ok(Ok(Some(bytes))) => bytes,
            Ok(Ok(None)) => return Err("the service closed the stream".to_owned()),
            Ok(Err(error)) => return Err(crate::http::describe(error)),
            Err(_) => return Err(format!("nothing came for {} s, not even a sign of life", self.idle.as_secs())),
        };
        self.backoff.reset();
        let (waiting, most) = (&mut self.waiting, self.most);
        self.parser.push(&bytes, |parsed| {
            waiting.push_back(match parsed {
                Parsed::Event { kind, data } if kind == "gap" => {
                    SourceEvent::Gap(format!("the service no longer holds them: {}", String::from_utf8_lossy(&data)))
                }
                Parsed::Event { data, .. } => SourceEvent::Message(data.into()),
                Parsed::TooLarge => SourceEvent::Unreadable(format!("an event of more than {most} bytes was skipped")),
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
        Box::pin(async { self.connect().await.map_err(|refused| SourceError::new(self.url.as_str(), refused.reason)) })
    }

    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
        Box::pin(async {
            loop {
                if let Some(event) = self.waiting.pop_front() {
                    return Some(event);
                }
                if self.live.is_some() {
                    if let Err(reason) = self.read().await {
                        self.live = None;
                        self.told.clone_from(&reason);
                        return Some(SourceEvent::Disconnected(reason));
                    }
                    continue;
                }
                let resumable = self.parser.last_id().is_some_and(|id| !id.is_empty());
                tokio::time::sleep(self.backoff.pause()).await;
                match self.connect().await {
                    Ok(()) => {
                        if !resumable {
                            self.waiting.push_back(SourceEvent::Gap(
                                "the stream broke before it had given an event id to resume from".to_owned(),
                            ));
                        }
                        return Some(SourceEvent::Connected);
                    }
                    // It goes on trying, and says so when the reason is another one, such as a deleted channel.
                    Err(Refused { reason }) if reason != self.told => {
                        self.told.clone_from(&reason);
                        return Some(SourceEvent::Disconnected(reason));
                    }
                    Err(_) => {}
                }
            }
        })
    }
}

//! Where channel messages come from.

mod connect_error;
#[cfg(feature = "mqtt")]
mod mqtt;
mod pump;
mod sse;
mod sse_parser;

use std::{future::Future, pin::Pin, sync::Arc};

use bytes::Bytes;

#[cfg(feature = "mqtt")]
pub use mqtt::MqttTopics;
pub use sse::EventStream;

pub(crate) use pump::run;

/// A future of a [`ChannelSource`].
pub type SourceFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Anything that yields channel messages: the service's event stream, an MQTT topic, or a source of your own.
///
/// ```
/// use setpoint_client::{ChannelSource, Client, SourceError, SourceEvent, SourceFuture};
///
/// /// Messages that another part of the program receives.
/// struct Relay(tokio::sync::mpsc::Receiver<Vec<u8>>);
///
/// impl ChannelSource for Relay {
///     fn name(&self) -> String {
///         "relay".to_owned()
///     }
///     fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>> {
///         Box::pin(async { Ok(()) })
///     }
///     fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>> {
///         Box::pin(async { self.0.recv().await.map(|message| SourceEvent::Message(message.into())) })
///     }
/// }
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let (messages, received) = tokio::sync::mpsc::channel(64);
/// let client = Client::builder("http://127.0.0.1:8080").org_id("o1").source(Relay(received)).build().await?;
/// let mut late = client.late_events();
/// messages.send(b"{}".to_vec()).await.unwrap();
/// println!("{:?}", late.next_event().await);
/// client.close().await;
/// # Ok::<(), setpoint_client::Error>(())
/// # }).unwrap();
/// ```
pub trait ChannelSource: Send + 'static {
    /// Its name in events and errors, for instance its URL.
    fn name(&self) -> String;

    /// Starts to listen. Once this has returned, [`next`](Self::next) yields every message published from then on; no
    /// batch is sent before.
    ///
    /// # Errors
    /// It cannot listen. The client is then not built.
    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>>;

    /// The next message or change. The source reconnects by itself; `None` means that it has ended for good.
    ///
    /// The previous message has been handed on when this is called again, so it may be acknowledged then.
    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>>;

    /// The client is closing: releases what the source holds elsewhere, such as a session. Dropped if it takes longer
    /// than 3 s.
    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// What a [`ChannelSource`] yields.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceEvent {
    /// A channel message.
    Message(Bytes),
    /// Something that cannot be handed on as a message, for instance because it is too large.
    Unreadable(String),
    /// The connection was lost, or still cannot be made, for this reason; the source goes on trying.
    Disconnected(String),
    /// The source is connected again.
    Connected,
    /// Messages may have been missed: the outcomes in them will not arrive, and their items time out here.
    Gap(String),
}

/// Why a channel cannot be listened on.
///
/// ```
/// use std::error::Error;
///
/// use setpoint_client::SourceError;
///
/// let error = SourceError::new("relay", "no connection").with_source(std::io::Error::other("it is down"));
/// assert_eq!(error.to_string(), "cannot listen on relay: no connection");
/// assert_eq!(error.source().unwrap().to_string(), "it is down");
/// ```
#[derive(Debug, Clone, thiserror::Error)]
#[error("cannot listen on {name}: {reason}")]
#[non_exhaustive]
pub struct SourceError {
    /// The source, for instance its URL.
    pub name: String,
    /// What went wrong, and what to check.
    pub reason: String,
    source: Option<Arc<dyn std::error::Error + Send + Sync>>,
}

impl SourceError {
    /// An error of the source `name`. `reason` says what went wrong, and what to check.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into(), source: None }
    }

    /// Adds the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        self.source = Some(Arc::from(source.into()));
        self
    }
}

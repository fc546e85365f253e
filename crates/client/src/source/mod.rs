//! Where channel messages come from.

#[cfg(feature = "mqtt")]
mod mqtt;
mod parser;
mod pump;
mod sse;

use std::{future::Future, pin::Pin};

use bytes::Bytes;

#[cfg(feature = "mqtt")]
pub use mqtt::MqttTopics;
pub use sse::EventStream;

pub(crate) use pump::run;

/// A future of a [`ChannelSource`].
pub type SourceFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// Anything that yields channel messages: the service's event stream, an MQTT topic, or a plug-in of your own.
///
/// ```
/// use setpoint_client::{ChannelSource, SourceError, SourceEvent, SourceFuture};
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
/// ```
pub trait ChannelSource: Send + 'static {
    /// What it is called in events and errors, for instance its URL.
    fn name(&self) -> String;

    /// Starts to listen. Once this has returned, every message published from then on comes out of
    /// [`next`](Self::next): no batch is sent before.
    fn open(&mut self) -> SourceFuture<'_, Result<(), SourceError>>;

    /// The next message or change. It reconnects by itself; `None` is the end for good.
    ///
    /// To be asked for the next one means that the one before was handed on.
    fn next(&mut self) -> SourceFuture<'_, Option<SourceEvent>>;

    /// The client is closing: leave nothing behind. It may be cut short.
    fn close(&mut self) -> SourceFuture<'_, ()> {
        Box::pin(async {})
    }
}

/// What comes out of a [`ChannelSource`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceEvent {
    /// A channel message.
    Message(Bytes),
    /// Something that cannot even be handed on as a message, for instance because it is too large.
    Unreadable(String),
    /// The connection was lost, or still cannot be made, for this reason; the source goes on trying.
    Disconnected(String),
    /// The connection is back.
    Connected,
    /// Messages may have been missed: the outcomes in them will not come, and their items time out here.
    Gap(String),
}

/// Why a channel cannot be listened on.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("cannot listen on {name}: {reason}")]
#[non_exhaustive]
pub struct SourceError {
    /// The source, for instance its URL.
    pub name: String,
    /// What went wrong, and what to check.
    pub reason: String,
}

impl SourceError {
    /// This source cannot listen for this reason.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

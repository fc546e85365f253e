//! Between the run loop and the channels.

use std::{fmt, sync::Arc};

use bytes::Bytes;
use setpoint::{Family, responder::PublicationId};

/// A channel message to publish.
#[derive(Debug, Clone)]
pub(crate) struct Publication {
    pub(crate) id: PublicationId,
    pub(crate) org_id: Arc<str>,
    pub(crate) family: Family,
    pub(crate) channel_id: Arc<str>,
    /// JSON in UTF-8, as the engine wrote it.
    pub(crate) body: Bytes,
}

/// How a publication ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Published {
    /// The channel has it.
    Done,
    /// Its channel is gone, or it is larger than the broker takes.
    Undeliverable,
}

/// Takes the publications of the run loop. As many are under way as the engine's outbox holds.
pub(crate) trait ChannelPort: fmt::Debug + Send {
    /// Takes a publication. It must not block; how it ended is told to [`ChannelEvents::published`], once.
    fn publish(&self, publication: Publication);
}

/// A place where channel messages are read. It must not block, and it keeps or loses messages as it likes: only the broker's
/// acknowledgement decides whether a message counts as published.
pub(crate) trait ChannelSink: Send + Sync {
    /// Takes a channel message.
    fn deliver(&self, publication: &Publication);
}

/// What the run loop hears from the channels' side.
pub(crate) trait ChannelEvents: Send + 'static {
    /// How a publication ended.
    fn published(&self, publication: PublicationId, how: Published);
}

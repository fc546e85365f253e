//! Where a channel message goes.

use std::{fmt, sync::Arc};

use tokio::sync::mpsc;

use crate::ports::{ChannelPort, ChannelSink, Publication};

/// Gives every channel message to the sinks that readers in this process have, and to the link to the broker.
///
/// A message counts as published when the broker has acknowledged it; the link tells of that. What other sinks make of it
/// decides nothing.
pub(crate) struct Router {
    sinks: Vec<Arc<dyn ChannelSink>>,
    /// As many are in it as the engine's outbox holds at most.
    broker: mpsc::UnboundedSender<Publication>,
}

impl fmt::Debug for Router {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Router").field("sinks", &self.sinks.len()).finish_non_exhaustive()
    }
}

impl Router {
    pub(crate) fn new(sinks: Vec<Arc<dyn ChannelSink>>, broker: mpsc::UnboundedSender<Publication>) -> Self {
        Self { sinks, broker }
    }
}

impl ChannelPort for Router {
    fn publish(&self, publication: Publication) {
        for sink in &self.sinks {
            sink.deliver(&publication);
        }
        // The link outlives the run loop, except when everything is being torn down.
        let _ = self.broker.send(publication);
    }
}

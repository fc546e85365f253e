//! Whether the gateway runs, is ending, or has failed.

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::GatewayError;

/// Shared by everything that must end with the gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    /// Stop taking in: no connections, no requests, no more events.
    pub(crate) drain: CancellationToken,
    /// End now. Ends `drain` too.
    pub(crate) abort: CancellationToken,
    failed: watch::Sender<Option<GatewayError>>,
}

impl Lifecycle {
    pub(crate) fn new() -> Self {
        let abort = CancellationToken::new();
        Self { drain: abort.child_token(), abort, failed: watch::Sender::new(None) }
    }

    /// Something failed that the gateway cannot go on without. The first one is what counts.
    pub(crate) fn fail(&self, error: GatewayError) {
        if self.abort.is_cancelled() {
            // Everything is ending: parts go before others.
            tracing::debug!(%error, "while ending");
            return;
        }
        self.failed.send_if_modified(|failed| {
            let first = failed.is_none();
            if first {
                tracing::error!(%error, "the gateway stops");
                *failed = Some(error);
            }
            first
        });
        self.drain.cancel();
    }

    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<GatewayError> {
        self.failed.borrow().clone()
    }

    /// Waits for the end: of its own accord, or because something failed.
    pub(crate) async fn ended(&self) -> Result<(), GatewayError> {
        self.drain.cancelled().await;
        self.failure().map_or(Ok(()), Err)
    }
}

//! How a gateway ends: by a shutdown, by being dropped, or because a part of it failed.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use tokio_util::sync::CancellationToken;

use crate::{
    error::{Chain, GatewayError},
    ports::Health,
};

/// Shared by everything that must end with the gateway. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Lifecycle {
    /// Stop taking in: event streams end, and nothing new is accepted. Cancelled by a shutdown and by a failure.
    pub(crate) drain: CancellationToken,
    /// Stop listening and close idle connections. Cancelled by a shutdown only: after a failure `/healthz` still answers.
    pub(crate) close: CancellationToken,
    /// End now. Cancels the other two.
    pub(crate) abort: CancellationToken,
    health: Health,
}

impl Lifecycle {
    pub(crate) fn new(health: Health) -> Self {
        let abort = CancellationToken::new();
        Self { drain: abort.child_token(), close: abort.child_token(), abort, health }
    }

    /// Stop taking in, stop listening, and let what is under way end.
    pub(crate) fn shut_down(&self) {
        self.health.stop_accepting();
        self.drain.cancel();
        self.close.cancel();
    }

    /// Something failed that the gateway cannot go on without. Only the first failure counts.
    pub(crate) fn fail(&self, error: GatewayError) {
        if self.abort.is_cancelled() {
            // Everything is ending, and parts end before others.
            tracing::debug!(error = %Chain(&error), "while ending");
            return;
        }
        if self.health.fail(error.clone()) {
            tracing::error!(error = %Chain(&error), "the gateway stops");
        }
        self.drain.cancel();
    }

    /// Runs a part that must not end before a shutdown: otherwise the gateway has failed.
    pub(crate) async fn supervise(self, part: &'static str, run: impl Future<Output = ()>) {
        let outcome = AssertUnwindSafe(run).catch_unwind().await;
        match outcome {
            Ok(()) if self.close.is_cancelled() => {}
            Ok(()) => self.fail(GatewayError::Ended(part)),
            Err(panic) => self.fail(GatewayError::panicked(part, &*panic)),
        }
    }

    /// Why it failed, if it did.
    pub(crate) fn failure(&self) -> Option<GatewayError> {
        self.health.state().failure
    }

    /// Waits until nothing more is taken in: after a shutdown, or because something failed.
    pub(crate) async fn ended(&self) -> Result<(), GatewayError> {
        self.drain.cancelled().await;
        self.failure().map_or(Ok(()), Err)
    }
}

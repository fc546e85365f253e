//! How the gateway is.

use std::fmt;

use tokio::sync::watch;

use crate::error::GatewayError;

/// What `/healthz` and `/readyz` say. Every part tells its own piece; whoever wants to know reads it here. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Health(watch::Sender<HealthState>);

/// How the gateway is at one moment.
#[derive(Debug, Clone)]
pub(crate) struct HealthState {
    /// It has neither been told to stop nor failed.
    pub(crate) accepting: bool,
    /// Commands can go out, and answers come in.
    pub(crate) devices: bool,
    /// Channel messages can go out.
    pub(crate) channels: bool,
    /// Why it stopped by itself, if it did.
    pub(crate) failure: Option<GatewayError>,
}

/// A connection to a broker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Link {
    /// Commands out, answers in.
    Devices,
    /// Channel messages out.
    Channels,
}

impl HealthState {
    /// Whether batches are accepted and their commands and outcomes can go out.
    pub(crate) fn is_ready(&self) -> bool {
        self.accepting && self.devices && self.channels
    }
}

impl Health {
    /// Accepting, with both links down.
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(HealthState { accepting: true, devices: false, channels: false, failure: None }))
    }

    pub(crate) fn state(&self) -> HealthState {
        self.0.borrow().clone()
    }

    pub(crate) fn set_link(&self, link: Link, up: bool) {
        self.0.send_modify(|state| match link {
            Link::Devices => state.devices = up,
            Link::Channels => state.channels = up,
        });
    }

    pub(crate) fn stop_accepting(&self) {
        self.0.send_modify(|state| state.accepting = false);
    }

    /// It stopped by itself. Whether this is the first failure; only that one is kept.
    pub(crate) fn fail(&self, error: GatewayError) -> bool {
        let mut first = false;
        self.0.send_modify(|state| {
            state.accepting = false;
            first = state.failure.is_none();
            state.failure.get_or_insert(error);
        });
        first
    }

    /// Waits until both links are up.
    pub(crate) async fn links_up(&self) {
        // The sender lives as long as this does.
        let _ = self.0.subscribe().wait_for(|state| state.devices && state.channels).await;
    }
}

impl Link {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Devices => "devices",
            Self::Channels => "channels",
        }
    }
}

impl fmt::Display for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_ready_while_it_accepts_and_both_links_are_up() {
        let health = Health::new();
        assert!(!health.state().is_ready());
        health.set_link(Link::Devices, true);
        assert!(!health.state().is_ready());
        health.set_link(Link::Channels, true);
        assert!(health.state().is_ready());
        health.set_link(Link::Devices, false);
        assert!(!health.state().is_ready());
        health.set_link(Link::Devices, true);
        health.stop_accepting();
        assert!(!health.state().is_ready() && health.state().failure.is_none());
    }

    #[test]
    fn the_first_failure_is_kept() {
        let health = Health::new();
        assert!(health.fail(GatewayError::Ended("first")));
        assert!(!health.fail(GatewayError::Ended("second")));
        assert!(matches!(health.state().failure, Some(GatewayError::Ended("first"))));
        assert!(!health.state().accepting);
    }
}

//! The engine's bounds, in a form that can stand in a file.

use std::num::NonZeroUsize;

use serde::{Deserialize, Serialize};
use setpoint::{Limits, responder::ResponderConfig};

/// Bounds of the engine and of the queue before it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct EngineConfig {
    /// Largest batch body, in bytes.
    pub body_bytes: NonZeroUsize,
    /// Most items in one batch.
    pub items: NonZeroUsize,
    /// Deepest nesting of objects and arrays.
    pub depth: NonZeroUsize,
    /// Largest `inputData`, in bytes as written.
    pub payload_bytes: NonZeroUsize,
    /// Largest answer of a device, in bytes.
    pub answer_bytes: NonZeroUsize,
    /// Most items of one org in flight.
    pub pending_per_org: usize,
    /// Most items of one device in flight.
    pub pending_per_device: usize,
    /// Milliseconds for which a request id is remembered.
    pub dedup_window_ms: u64,
    /// Most request ids of one org remembered.
    pub dedup_per_org: usize,
    /// Most ended items of all orgs remembered, so that late and duplicate answers are known as such.
    pub ended: usize,
    /// Most finals waiting to be published.
    pub outbox: usize,
    /// Most replies in one channel message.
    pub replies_per_message: usize,
    /// Most commands under way to the broker.
    pub hand_over_window: usize,
    /// Most batches read and not yet judged; above it batches are answered 503.
    pub waiting_batches: usize,
}

impl Default for EngineConfig {
    /// The engine's own defaults, and 256 waiting batches.
    fn default() -> Self {
        let config = ResponderConfig::default();
        Self {
            body_bytes: config.limits.body_bytes,
            items: config.limits.items,
            depth: config.limits.depth,
            payload_bytes: config.limits.payload_bytes,
            answer_bytes: config.limits.answer_bytes,
            pending_per_org: config.pending_per_org.get(),
            pending_per_device: config.pending_per_device.get(),
            dedup_window_ms: config.dedup_window_ms,
            dedup_per_org: config.dedup_per_org.get(),
            ended: config.ended,
            outbox: config.outbox.get(),
            replies_per_message: config.replies_per_message.get(),
            hand_over_window: config.hand_over_window.get(),
            waiting_batches: 256,
        }
    }
}

impl EngineConfig {
    /// The same bounds as the engine takes them.
    pub(crate) fn responder(&self) -> ResponderConfig {
        let mut limits = Limits::DEFAULT;
        limits.body_bytes = self.body_bytes;
        limits.items = self.items;
        limits.depth = self.depth;
        limits.payload_bytes = self.payload_bytes;
        limits.answer_bytes = self.answer_bytes;
        let mut config = ResponderConfig::default();
        config.limits = limits;
        config.pending_per_org = at_least_1(self.pending_per_org);
        config.pending_per_device = at_least_1(self.pending_per_device);
        config.dedup_window_ms = self.dedup_window_ms;
        config.dedup_per_org = at_least_1(self.dedup_per_org);
        config.ended = self.ended;
        config.outbox = at_least_1(self.outbox);
        config.replies_per_message = at_least_1(self.replies_per_message);
        config.hand_over_window = at_least_1(self.hand_over_window);
        config
    }
}

/// The same bound for the engine. `Config::check` refuses 0 before anything starts.
fn at_least_1(bound: usize) -> NonZeroUsize {
    NonZeroUsize::new(bound).unwrap_or(NonZeroUsize::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_is_the_engines_own() {
        assert_eq!(EngineConfig::default().responder(), ResponderConfig::default());
    }
}

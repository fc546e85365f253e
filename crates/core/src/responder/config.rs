//! The responder's bounds.

use crate::Limits;

/// Every bound of a [`Responder`](super::Responder). All of it is ours; the published pages name none.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponderConfig {
    /// The number that message ids begin with: which of several responders, each with a store of its own, an item belongs to.
    pub partition: u16,
    /// What one message may cost to read.
    pub limits: Limits,
    /// Most items of one org in flight; further ones are refused with 1000207.
    pub pending_per_org: usize,
    /// Most items of one device in flight; further ones are refused with 1000207.
    pub pending_per_device: usize,
    /// How long a request id is remembered, in milliseconds from its acceptance.
    /// An id whose final is not yet published is never forgotten.
    pub dedup_window_ms: u64,
    /// Most request ids of one org remembered; a batch that needs more is refused with 429.
    pub dedup_per_org: usize,
    /// Most ended items of all orgs remembered, so that late and duplicate answers are known as such; the oldest go first.
    pub ended: usize,
    /// Most finals waiting to be published; above it, batches are refused with 503.
    pub outbox: usize,
    /// Most replies in one channel message.
    pub replies_per_message: usize,
    /// Most commands whose hand-over is intended or under way and not yet confirmed.
    pub hand_over_window: usize,
}

impl Default for ResponderConfig {
    /// Partition 0, 100,000 in flight per org and 64 per device, 24 hours and 1,000,000 ids of de-duplication per org,
    /// 100,000 ended items remembered, 100,000 finals in the outbox, 100 replies a message, 256 hand-overs under way.
    fn default() -> Self {
        Self {
            partition: 0,
            limits: Limits::DEFAULT,
            pending_per_org: 100_000,
            pending_per_device: 64,
            dedup_window_ms: 24 * 60 * 60 * 1_000,
            dedup_per_org: 1_000_000,
            ended: 100_000,
            outbox: 100_000,
            replies_per_message: 100,
            hand_over_window: 256,
        }
    }
}

//! The limits of a responder.

use std::num::NonZeroUsize;

use crate::{Limits, limits::at_least_1};

/// Every limit of a [`Responder`](super::Responder). None of them comes from the published pages.
///
/// Limits at which 0 would refuse everything, or stop everything, cannot be 0.
///
/// ```
/// use std::num::NonZeroUsize;
/// use setpoint::responder::ResponderConfig;
///
/// let mut config = ResponderConfig::default();
/// config.pending_per_device = const { NonZeroUsize::new(8).unwrap() };
/// config.dedup_window_ms = 60 * 60 * 1_000;
/// assert_eq!((config.partition, config.ended), (0, 100_000));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponderConfig {
    /// The partition number that message ids begin with: which of several responders, each with a store of its own, an
    /// item belongs to.
    pub partition: u16,
    /// Limits of the messages that devices send. What a batch may cost is up to whoever reads it
    /// ([`CheckedBatch::read`](super::CheckedBatch::read)).
    pub limits: Limits,
    /// Most items of one org in flight; further ones are refused with 1000207.
    pub pending_per_org: NonZeroUsize,
    /// Most items of one device in flight; further ones are refused with 1000207.
    pub pending_per_device: NonZeroUsize,
    /// How long a request id is remembered, in milliseconds from its acceptance.
    /// An id whose final is not yet published is never forgotten.
    pub dedup_window_ms: u64,
    /// Most request ids of one org remembered; a batch that needs more is refused with 429.
    pub dedup_per_org: NonZeroUsize,
    /// Most ended items of all orgs remembered, to recognize late and duplicate answers; the oldest are dropped first.
    pub ended: usize,
    /// High-water mark of finals waiting to be published: at or above it, batches are refused with 503.
    pub outbox: NonZeroUsize,
    /// Most replies in one channel message.
    pub replies_per_message: NonZeroUsize,
    /// Most commands whose hand-over is intended or under way and not yet confirmed.
    pub hand_over_window: NonZeroUsize,
}

impl Default for ResponderConfig {
    /// Partition 0, 100,000 items in flight per org and 64 per device, 24 hours and 1,000,000 ids of de-duplication per org,
    /// 100,000 ended items remembered, 100,000 finals in the outbox, 100 replies a message, 256 hand-overs under way.
    fn default() -> Self {
        Self {
            partition: 0,
            limits: Limits::DEFAULT,
            pending_per_org: at_least_1(100_000),
            pending_per_device: at_least_1(64),
            dedup_window_ms: 24 * 60 * 60 * 1_000,
            dedup_per_org: at_least_1(1_000_000),
            ended: 100_000,
            outbox: at_least_1(100_000),
            replies_per_message: at_least_1(100),
            hand_over_window: at_least_1(256),
        }
    }
}

//! The requester's bounds and allowances.

use crate::Limits;

/// Bounds and allowances of a [`Requester`](super::Requester). All of it is ours.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequesterConfig {
    /// What one message may cost to read.
    pub limits: Limits,
    /// Most items open at once.
    pub open_items: usize,
    /// How long after an item's own deadline its outcome may still be on its way, in milliseconds.
    pub grace_ms: u64,
    /// Most ended items remembered from one call to the next, so that late and duplicate replies are known as such; the
    /// oldest go first.
    pub remembered: usize,
}

impl Default for RequesterConfig {
    /// 1,000,000 open items, 5 seconds of grace, 100,000 ended items remembered.
    fn default() -> Self {
        Self { limits: Limits::DEFAULT, open_items: 1_000_000, grace_ms: 5_000, remembered: 100_000 }
    }
}

//! Configuration of the requester.

use std::num::NonZeroUsize;

use crate::{Limits, limits::at_least_1};

/// Bounds of a [`Requester`](super::Requester). All of them are ours.
///
/// ```
/// use setpoint::requester::RequesterConfig;
///
/// let mut config = RequesterConfig::default();
/// config.grace_ms = 2_000;
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequesterConfig {
    /// What one message may cost to read.
    pub limits: Limits,
    /// Most items open at once.
    pub open_items: NonZeroUsize,
    /// How long an outcome is waited for beyond the item's own timeout, in milliseconds: the time that it may be on its way.
    pub grace_ms: u64,
    /// Most ended items that are remembered from one call to the next, so that late and duplicate replies are recognised; the
    /// oldest are forgotten first. May be 0.
    pub remembered: usize,
}

impl Default for RequesterConfig {
    /// 1,000,000 open items, 5 seconds of grace, 100,000 ended items remembered.
    fn default() -> Self {
        Self { limits: Limits::DEFAULT, open_items: at_least_1(1_000_000), grace_ms: 5_000, remembered: 100_000 }
    }
}

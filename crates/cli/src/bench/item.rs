//! The items that a bench sends, and how they end: the same with and without a gateway.

use tokio::time::Instant;

/// Org, product and channel of the gateway and the devices in this process.
pub(super) const ORG: &str = "bench";
pub(super) const PRODUCT: &str = "bench";
pub(super) const CHANNEL: &str = "DATASVC.CONTROL.bench";

/// Timeout of a command: the protocol's default.
pub(super) const TIMEOUT_MS: u32 = 30_000;

/// The key of a device.
pub(super) fn device_key(device: usize) -> String {
    format!("d-{device:04}")
}

/// The input of an item: its number. The device returns it as output, which shows to which item an answer belongs.
pub(super) fn input(number: u64) -> String {
    format!("{{\"n\":{number}}}")
}

/// How an item ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum How {
    Succeeded,
    Failed,
    Refused,
    TimedOut,
    Cancelled,
}

/// The end of an item.
#[derive(Debug, Clone, Copy)]
pub(super) struct End {
    /// The item's index in its batch.
    pub(super) index: usize,
    pub(super) how: How,
    pub(super) at: Instant,
    /// Whether the output is the item's own input; true for everything but a success.
    pub(super) own: bool,
}

//! What is sent, and how an item ends. It is the same with and without a gateway.

use tokio::time::Instant;

/// The org, the product and the channel of what runs in this process.
pub(super) const ORG: &str = "bench";
pub(super) const PRODUCT: &str = "bench";
pub(super) const CHANNEL: &str = "DATASVC.CONTROL.bench";

/// How long a command may take: the protocol's default.
pub(super) const TIMEOUT_MS: u32 = 30_000;

/// The key of a device.
pub(super) fn device_key(device: usize) -> String {
    format!("d-{device:04}")
}

/// The input of an item: its number. The device echoes it, and so shows whose answer it is.
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
    /// Its place in the batch.
    pub(super) index: usize,
    pub(super) how: How,
    pub(super) at: Instant,
    /// Whether a success carries the item's own input.
    pub(super) own: bool,
}

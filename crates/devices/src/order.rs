//! What a fleet tells its devices to do.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::Result;

/// An order to a device.
pub(crate) enum Order {
    /// Lose the connection, and come back after a while or when told to.
    Offline { back_after: Option<Duration>, done: oneshot::Sender<()> },
    /// Be connected and subscribed.
    Online { done: oneshot::Sender<Result<()>> },
    /// Lose the connection and everything remembered, and come back.
    Reboot { done: oneshot::Sender<Result<()>> },
    /// Close the connection and end.
    Shutdown,
}

//! What a fleet tells the tasks of its devices.

use std::time::Duration;

use tokio::sync::oneshot;

use crate::error::Result;

pub(crate) enum Control {
    /// Cut the connection. Reconnect after `back_after`, or on `Online`.
    Offline { back_after: Option<Duration>, done: oneshot::Sender<()> },
    /// Connect; `done` resolves when the device is subscribed.
    Online { done: oneshot::Sender<Result<()>> },
    /// Cut the connection, forget message ids and unsent answers, and connect again.
    Reboot { done: oneshot::Sender<Result<()>> },
    /// Disconnect and end.
    Shutdown,
}

//! Between the run loop and the devices.

use std::fmt;

use bytes::Bytes;
use setpoint::{MessageId, MonotonicTime, Now, responder::HandedOver};
use tokio::sync::mpsc;

/// A command to hand over to its device.
#[derive(Debug)]
pub(crate) struct HandOver {
    pub(crate) message_id: MessageId,
    /// The MQTT topic that names device and target.
    pub(crate) topic: String,
    pub(crate) payload: Bytes,
    /// After this moment it must not be sent any more.
    pub(crate) deadline: MonotonicTime,
}

/// A message of a device, as it arrived.
#[derive(Debug)]
pub(crate) struct DeviceMessage {
    /// Not yet known to be UTF-8.
    pub(crate) topic: Bytes,
    pub(crate) payload: Bytes,
    /// Whether a broker had kept it from before.
    pub(crate) retained: bool,
    /// When it was read: whether an answer is late is decided by this, however long it waits in a queue.
    pub(crate) received: Now,
}

/// Takes the commands of the run loop. As many are under way as the engine's hand-over window allows.
pub(crate) trait DevicePort: fmt::Debug + Send {
    /// Takes a command. It must not block; how it went is told to [`DeviceEvents::handed_over`], once.
    fn hand_over(&self, command: HandOver);
}

/// The queue of commands to hand over.
impl DevicePort for mpsc::UnboundedSender<HandOver> {
    fn hand_over(&self, command: HandOver) {
        // The other end outlives the run loop, except when everything is being torn down.
        let _ = self.send(command);
    }
}

/// What the run loop hears from the devices' side.
pub(crate) trait DeviceEvents: Clone + Send + Sync + 'static {
    /// Whether commands can be handed over.
    fn link(&self, up: bool);

    /// How a hand-over went.
    fn handed_over(&self, message_id: MessageId, how: HandedOver);

    /// A message of a device. It waits while the run loop has as many unread as it may: nothing more should be read from
    /// the network meanwhile.
    fn message(&self, message: DeviceMessage) -> impl Future<Output = Result<(), RunLoopEnded>> + Send;
}

/// The run loop has ended: nobody takes messages any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the run loop has ended")]
pub(crate) struct RunLoopEnded;

//! The queues into the run loop.

use std::num::NonZeroUsize;

use bytes::Bytes;
use setpoint::{
    MessageId,
    responder::{CheckedBatch, PublicationId, WriteId},
};
use setpoint_store::StoreError;
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{
    catalog::{Change, ChannelCommand, ChannelError},
    ports::{ChannelEvents, DeviceEvents, DeviceMessage, HandedOver, Published, RunLoopEnded},
};

/// Most channel calls waiting for the run loop.
const WAITING_CHANNEL_CALLS: usize = 64;

/// A batch, read and checked, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) batch: CheckedBatch,
    /// The version of the catalog that it was checked against.
    pub(crate) catalog_version: u64,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// A request body, and its share of the memory for all bodies. Both are released together.
#[derive(Debug)]
pub(crate) struct HeldBody {
    pub(crate) bytes: Bytes,
    _share: Option<OwnedSemaphorePermit>,
}

impl HeldBody {
    pub(crate) fn new(bytes: Bytes, share: Option<OwnedSemaphorePermit>) -> Self {
        Self { bytes, _share: share }
    }
}

impl AsRef<[u8]> for HeldBody {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

/// The answer to a batch.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: Vec<u8>,
}

/// A change of a channel, and who waits for it.
#[derive(Debug)]
pub(crate) struct ChannelRequest {
    pub(crate) command: ChannelCommand,
    pub(crate) answer: oneshot::Sender<Result<SavedChannel, ChannelError>>,
}

/// A change that was made. It is durable once `stored` has been sent; that is dropped if the store fails.
#[derive(Debug)]
pub(crate) struct SavedChannel {
    pub(crate) change: Change,
    pub(crate) stored: oneshot::Receiver<()>,
}

/// What the gateway's own parts report. Unbounded queues suffice: there is at most one report for each effect.
#[derive(Debug)]
pub(crate) enum Control {
    /// Every write up to this one is on stable storage.
    Persisted(WriteId),
    /// The store failed.
    PersistFailed(StoreError),
    /// Whether commands can be handed over.
    Link(bool),
    /// How a hand-over went.
    HandedOver(MessageId, HandedOver),
    /// How a publication ended.
    Published(PublicationId, Published),
    /// Refuse every further batch.
    StopAccepting,
    /// End as soon as every outcome is published, or at this moment.
    Finish(tokio::time::Instant),
}

/// The receiving ends, in the order in which they are served.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) control: mpsc::UnboundedReceiver<Control>,
    pub(crate) devices: mpsc::Receiver<DeviceMessage>,
    pub(crate) channels: mpsc::Receiver<ChannelRequest>,
    pub(crate) batches: mpsc::Receiver<Batch>,
}

/// The sending ends. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct RunHandle {
    control: mpsc::UnboundedSender<Control>,
    devices: mpsc::Sender<DeviceMessage>,
    channels: mpsc::Sender<ChannelRequest>,
    batches: mpsc::Sender<Batch>,
}

/// Why the run loop did not take an input, or did not answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NotTaken {
    /// Nothing was taken.
    #[error("too many requests are waiting")]
    Full,
    /// Nothing was taken.
    #[error("the run loop has ended")]
    Ended,
    /// Whether the input counted is unknown.
    #[error("the run loop ended before it answered")]
    Unanswered,
}

/// Makes the queues.
pub(crate) fn inputs(waiting_batches: NonZeroUsize, inbox_messages: NonZeroUsize) -> (RunHandle, Inputs) {
    let (control_in, control) = mpsc::unbounded_channel();
    let (devices_in, devices) = mpsc::channel(inbox_messages.get());
    let (channels_in, channels) = mpsc::channel(WAITING_CHANNEL_CALLS);
    let (batches_in, batches) = mpsc::channel(waiting_batches.get());
    let handle = RunHandle { control: control_in, devices: devices_in, channels: channels_in, batches: batches_in };
    (handle, Inputs { control, devices, channels, batches })
}

impl RunHandle {
    /// Queues a batch.
    pub(crate) fn batch(&self, batch: Batch) -> Result<(), NotTaken> {
        self.batches.try_send(batch).map_err(not_taken)
    }

    /// Changes a channel, and waits until that is on stable storage. After the outer `Err` with
    /// [`Unanswered`](NotTaken::Unanswered) it is unknown whether it was changed.
    pub(crate) async fn channel(&self, command: ChannelCommand) -> Result<Result<Change, ChannelError>, NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.channels.try_send(ChannelRequest { command, answer }).map_err(not_taken)?;
        match answered.await.map_err(|_| NotTaken::Unanswered)? {
            Ok(saved) => {
                saved.stored.await.map_err(|_| NotTaken::Unanswered)?;
                Ok(Ok(saved.change))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Reports something. After the end of the run loop it is dropped.
    pub(crate) fn tell(&self, control: Control) {
        let _ = self.control.send(control);
    }
}

impl DeviceEvents for RunHandle {
    fn link(&self, up: bool) {
        self.tell(Control::Link(up));
    }

    fn handed_over(&self, message_id: MessageId, how: HandedOver) {
        self.tell(Control::HandedOver(message_id, how));
    }

    async fn message(&self, message: DeviceMessage) -> Result<(), RunLoopEnded> {
        self.devices.send(message).await.map_err(|_| RunLoopEnded)
    }
}

impl ChannelEvents for RunHandle {
    fn published(&self, publication: PublicationId, how: Published) {
        self.tell(Control::Published(publication, how));
    }
}

fn not_taken<T>(error: mpsc::error::TrySendError<T>) -> NotTaken {
    match error {
        mpsc::error::TrySendError::Full(_) => NotTaken::Full,
        mpsc::error::TrySendError::Closed(_) => NotTaken::Ended,
    }
}

//! What comes into the run loop.

use std::sync::Arc;

use bytes::Bytes;
use setpoint::{
    Family,
    responder::{CheckedBatch, PublicationId, WriteId},
};
use tokio::sync::{OwnedSemaphorePermit, mpsc, oneshot};

use crate::{
    mqtt::{Incoming, LinkReport, Published},
    registry::ChannelError,
    store::StoreError,
};

/// Most channel calls waiting for the run loop.
const WAITING_CHANNEL_CALLS: usize = 64;

/// A batch, read and checked, and who waits for its answer.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(crate) batch: CheckedBatch,
    pub(crate) answer: oneshot::Sender<Answer>,
}

/// A request body, and its share of the memory for bodies: both are given back together.
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

/// A change of a channel.
#[derive(Debug, Clone)]
pub(crate) enum ChannelCall {
    Create { org_id: String, family: Family, id: String, desc: Option<String> },
    Update { org_id: String, family: Family, id: String, desc: Option<String> },
    Delete { org_id: String, family: Family, id: String, force: bool },
}

/// A change of a channel, and who waits for it.
#[derive(Debug)]
pub(crate) struct ChannelRequest {
    pub(crate) call: ChannelCall,
    pub(crate) answer: oneshot::Sender<Result<SavedChannel, ChannelError>>,
}

/// A change that was made. It counts once `stored` has come; that is dropped if it never will.
#[derive(Debug)]
pub(crate) struct SavedChannel {
    pub(crate) desc: Option<Arc<str>>,
    pub(crate) stored: oneshot::Receiver<()>,
}

/// What the gateway's own parts tell the run loop. Each of them is bounded by what the engine asked for.
#[derive(Debug)]
pub(crate) enum Control {
    /// Every write up to this one is on stable storage.
    Persisted(WriteId),
    /// The store failed.
    PersistFailed(StoreError),
    /// From the devices' link.
    Link(LinkReport),
    /// From the channels' link.
    Published(PublicationId, Published),
    /// Refuse every further batch.
    StopAccepting,
    /// End as soon as every outcome is published, or when this moment comes.
    Finish(tokio::time::Instant),
}

/// The receiving ends, in the order in which they are served.
#[derive(Debug)]
pub(crate) struct Inputs {
    pub(crate) control: mpsc::UnboundedReceiver<Control>,
    pub(crate) devices: mpsc::Receiver<Incoming>,
    pub(crate) channels: mpsc::Receiver<ChannelRequest>,
    pub(crate) batches: mpsc::Receiver<Batch>,
}

/// The way into the run loop.
#[derive(Debug, Clone)]
pub(crate) struct RunHandle {
    pub(crate) control: mpsc::UnboundedSender<Control>,
    pub(crate) devices: mpsc::Sender<Incoming>,
    channels: mpsc::Sender<ChannelRequest>,
    batches: mpsc::Sender<Batch>,
}

/// Why the run loop did not take an input, or did not answer it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NotTaken {
    /// Too many are waiting.
    Full,
    /// It has ended: nothing was taken.
    Ended,
    /// It ended before it answered: whether the input counted is unknown.
    Unanswered,
}

/// Both ends of every queue.
pub(crate) fn inputs(waiting_batches: usize, inbox_messages: usize) -> (RunHandle, Inputs) {
    let (control_in, control) = mpsc::unbounded_channel();
    let (devices_in, devices) = mpsc::channel(inbox_messages);
    let (channels_in, channels) = mpsc::channel(WAITING_CHANNEL_CALLS);
    let (batches_in, batches) = mpsc::channel(waiting_batches);
    let handle = RunHandle { control: control_in, devices: devices_in, channels: channels_in, batches: batches_in };
    (handle, Inputs { control, devices, channels, batches })
}

impl RunHandle {
    /// Queues a batch whole, or not at all.
    pub(crate) fn batch(&self, batch: Batch) -> Result<(), NotTaken> {
        self.batches.try_send(batch).map_err(not_taken)
    }

    /// Makes a change of a channel, and waits until it is on stable storage. `Err` outside: it may have been made.
    pub(crate) async fn channel(&self, call: ChannelCall) -> Result<Result<Option<Arc<str>>, ChannelError>, NotTaken> {
        let (answer, answered) = oneshot::channel();
        self.channels.try_send(ChannelRequest { call, answer }).map_err(not_taken)?;
        match answered.await.map_err(|_| NotTaken::Unanswered)? {
            Ok(saved) => {
                saved.stored.await.map_err(|_| NotTaken::Unanswered)?;
                Ok(Ok(saved.desc))
            }
            Err(error) => Ok(Err(error)),
        }
    }

    /// Tells the run loop something. After its end there is nobody to tell.
    pub(crate) fn tell(&self, control: Control) {
        let _ = self.control.send(control);
    }
}

fn not_taken<T>(error: mpsc::error::TrySendError<T>) -> NotTaken {
    match error {
        mpsc::error::TrySendError::Full(_) => NotTaken::Full,
        mpsc::error::TrySendError::Closed(_) => NotTaken::Ended,
    }
}

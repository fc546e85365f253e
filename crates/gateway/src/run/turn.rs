//! The turns of the run loop. Each takes a bounded number of inputs, lets the engine expire what is due, and carries out the
//! engine's effects: so no kind of input can starve another, or the timers.

use std::{
    collections::{BTreeMap, HashMap},
    sync::Arc,
    time::Duration,
};

use setpoint::{
    MessageId, MonotonicTime, Responder,
    responder::{Attribution, BatchTicket},
};
use setpoint_store::StoreError;
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant as Alarm, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    inputs::{Answer, Batch, ChannelRequest, Control, Inputs},
    rate_limited_log::RateLimitedLog,
};
use crate::{
    catalog::Catalog,
    error::{Chain, GatewayError},
    ports::{ChannelPort, DeviceMessage, DevicePort, Published},
    store::StoreWriter,
    telemetry::Metrics,
};

/// Most inputs of each kind in one turn.
const CONTROLS: usize = 4_096;
const DEVICE_MESSAGES: usize = 256;
const CHANNEL_CALLS: usize = 16;
/// Bytes of batches after which no further batch is admitted in the same turn, and the least that a batch counts as.
const BATCH_BYTES: usize = 512 << 10;
const MIN_BATCH_BYTES: usize = 4 << 10;
/// Longest sleep while something can expire. Timers of the system stop while it is suspended, the clock of deadlines does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// Sleep while nothing can expire.
const IDLE_SLEEP: Duration = Duration::from_secs(60 * 60);

/// Who carries effects out.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) store: StoreWriter,
    pub(crate) devices: Box<dyn DevicePort>,
    pub(crate) channels: Box<dyn ChannelPort>,
}

/// The engine, and what is needed to drive it.
#[derive(Debug)]
pub(crate) struct RunLoop {
    pub(super) responder: Responder,
    pub(super) catalog: Arc<Catalog>,
    pub(super) outputs: Outputs,
    pub(super) metrics: Metrics,
    /// Who waits for the answer to which batch. Ordered, so that at the end they are dropped in a reproducible order.
    pub(super) waiting: BTreeMap<BatchTicket, oneshot::Sender<Answer>>,
    /// When each command was handed over, until its item is decided: for the metric of round trips.
    pub(super) handed_over: HashMap<MessageId, MonotonicTime>,
    fruitless: RateLimitedLog,
    failed: Option<StoreError>,
    finish: Option<Alarm>,
}

enum Input {
    Control(Control),
    Device(DeviceMessage),
    Channel(ChannelRequest),
    Batch(Batch),
    Alarm,
}

impl RunLoop {
    pub(crate) fn new(responder: Responder, catalog: Arc<Catalog>, outputs: Outputs, metrics: Metrics) -> Self {
        Self {
            responder,
            catalog,
            outputs,
            metrics,
            waiting: BTreeMap::new(),
            handed_over: HashMap::new(),
            fruitless: RateLimitedLog::default(),
            failed: None,
            finish: None,
        }
    }

    /// Runs until it is told to finish, until `abort`, or until the store fails.
    pub(crate) async fn run(mut self, mut inputs: Inputs, abort: CancellationToken) -> Result<(), GatewayError> {
        // Restored items may be due already.
        self.carry_out();
        loop {
            let alarm = self.alarm();
            let input = tokio::select! {
                biased;
                () = abort.cancelled() => return Ok(()),
                Some(control) = inputs.control.recv() => Input::Control(control),
                Some(message) = inputs.devices.recv() => Input::Device(message),
                Some(request) = inputs.channels.recv() => Input::Channel(request),
                Some(batch) = inputs.batches.recv() => Input::Batch(batch),
                () = sleep_until(alarm) => Input::Alarm,
            };
            self.turn(input, &mut inputs);
            if let Some(error) = self.failed {
                return Err(GatewayError::Store(error));
            }
            if self.is_finished() {
                return Ok(());
            }
        }
    }

    fn turn(&mut self, first: Input, inputs: &mut Inputs) {
        match first {
            Input::Control(control) => self.control(control),
            Input::Device(message) => self.device(&message),
            Input::Channel(request) => self.channel(request),
            Input::Batch(batch) => self.batch(batch),
            Input::Alarm => {}
        }
        take(|| inputs.control.try_recv(), CONTROLS, |control| self.control(control));
        // Answers before timers: an answer that was read before its deadline counts, however long it was queued.
        take(|| inputs.devices.try_recv(), DEVICE_MESSAGES, |message| self.device(&message));
        self.expire();
        take(|| inputs.channels.try_recv(), CHANNEL_CALLS, |request| self.channel(request));
        self.batches(&mut inputs.batches);
        // Published before the effects: whoever observes an effect also finds it counted.
        self.metrics.engine.set(self.responder.stats());
        self.carry_out();
        self.metrics.engine.set(self.responder.stats());
    }

    fn batches(&mut self, queue: &mut mpsc::Receiver<Batch>) {
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Ok(batch) = queue.try_recv() else { return };
            // Even an empty batch has a cost.
            bytes += batch.batch.body_bytes().max(MIN_BATCH_BYTES);
            self.batch(batch);
        }
    }

    /// When to wake up at the latest.
    fn alarm(&self) -> Alarm {
        let now = setpoint_clock::now().instant;
        let sleep = self
            .responder
            .poll_timeout()
            .map_or(IDLE_SLEEP, |due| Duration::from_millis(due.millis_since(now)).min(LONGEST_SLEEP));
        let alarm = Alarm::now() + sleep;
        self.finish.map_or(alarm, |finish| finish.min(alarm))
    }

    fn expire(&mut self) {
        let now = setpoint_clock::now();
        if self.responder.poll_timeout().is_some_and(|due| due <= now.instant) {
            self.responder.handle_timeout(now);
        }
    }

    fn is_finished(&self) -> bool {
        self.finish.is_some_and(|latest| {
            Alarm::now() >= latest || (self.waiting.is_empty() && self.responder.stats().outbox == 0)
        })
    }

    fn control(&mut self, control: Control) {
        match control {
            Control::Persisted(write) => self.responder.handle_persisted(write, setpoint_clock::now()),
            Control::PersistFailed(error) => {
                tracing::error!(error = %Chain(&error), "the store failed: nothing more is accepted");
                self.responder.handle_persist_failed();
                self.failed = Some(error);
            }
            Control::Link(up) => self.responder.handle_link(up, setpoint_clock::now()),
            Control::HandedOver(message_id, how) => {
                self.responder.handle_handed_over(message_id, how, setpoint_clock::now());
            }
            Control::Published(publication, Published::Done) => self.responder.handle_published(publication),
            Control::Published(publication, Published::Undeliverable) => {
                self.responder.handle_undeliverable(publication);
            }
            Control::StopAccepting => self.responder.stop_accepting(),
            Control::Finish(latest) => self.finish = Some(latest),
        }
    }

    fn device(&mut self, message: &DeviceMessage) {
        if message.retained {
            return self.metrics.devices.ignored("retained");
        }
        let Ok(topic) = std::str::from_utf8(&message.topic) else {
            return self.metrics.devices.ignored("topic");
        };
        let attribution = self.responder.handle_device_message(topic, &message.payload, message.received);
        if !matches!(attribution, Attribution::Succeeded | Attribution::Failed) {
            self.fruitless.note(attribution, topic);
        }
    }

    fn batch(&mut self, batch: Batch) {
        // Its client has gone: it is dropped as if it had never arrived.
        if batch.answer.is_closed() {
            return;
        }
        let Batch { mut batch, catalog_version, answer } = batch;
        let catalog = self.catalog.snapshot();
        // The catalog may have changed since the batch was checked. Not to know what was added since is correct: the request
        // came before it. To use what is gone is not. Only channels are ever deleted, so the batch is checked again if its
        // own org has deleted one.
        if catalog.last_deletion(batch.org_id()) > catalog_version {
            batch = batch.read_again(&*catalog);
        }
        let ticket = self.responder.handle_batch(batch, setpoint_clock::now());
        self.waiting.insert(ticket, answer);
    }
}

/// Handles what is queued, at most `most` of it.
fn take<T>(mut next: impl FnMut() -> Result<T, mpsc::error::TryRecvError>, most: usize, mut handle: impl FnMut(T)) {
    for _ in 0..most {
        let Ok(input) = next() else { return };
        handle(input);
    }
}

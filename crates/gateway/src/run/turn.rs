//! One turn: take a bounded number of inputs, let time pass, carry out what follows.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use bytes::Bytes;
use setpoint::{
    Family, MessageId, MonotonicTime, Responder,
    responder::{Attribution, BatchTicket, Effect, PublicationId, Record},
};
use tokio::{
    sync::{mpsc, oneshot},
    time::{Instant as Alarm, sleep_until},
};
use tokio_util::sync::CancellationToken;

use super::{
    flood::Floods,
    inputs::{Answer, Batch, ChannelCall, ChannelRequest, Control, Inputs, SavedChannel},
};
use crate::{
    GatewayError, clock,
    metrics::Metrics,
    mqtt::{HandOver, Incoming, LinkReport, Publication, Published},
    registry::{ChannelError, Registry},
    store::{ChannelRecord, Confirm, StoreEntry, StoreError, StoreWriter, Write},
};

/// Most inputs of each kind in one turn: after them timers are looked at and effects carried out.
const CONTROLS: usize = 4_096;
const DEVICE_MESSAGES: usize = 256;
const CHANNEL_CALLS: usize = 16;
/// Bytes of batches after which no further one is judged in one turn, and what each counts as at least.
const BATCH_BYTES: usize = 512 << 10;
const MIN_BATCH_BYTES: usize = 4 << 10;
/// Longest sleep while something can expire: timers of the system stand still during suspend, the clock does not.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// Sleep while nothing can expire.
const IDLE_SLEEP: Duration = Duration::from_secs(60 * 60);

/// Where effects go.
#[derive(Debug)]
pub(crate) struct Outputs {
    pub(crate) store: StoreWriter,
    pub(crate) commands: mpsc::UnboundedSender<HandOver>,
    pub(crate) publications: mpsc::UnboundedSender<Publication>,
}

/// The engine and everything that it needs around it.
#[derive(Debug)]
pub(crate) struct RunLoop {
    responder: Responder,
    registry: Arc<RwLock<Registry>>,
    outputs: Outputs,
    metrics: Metrics,
    /// Who waits for the answer to which batch; at the end they are let go in the order in which they came.
    waiting: BTreeMap<BatchTicket, oneshot::Sender<Answer>>,
    /// When commands were handed over whose outcome is not decided.
    handed_over: HashMap<MessageId, MonotonicTime>,
    floods: Floods,
    failed: Option<StoreError>,
    finish: Option<Alarm>,
}

enum Input {
    Control(Control),
    Device(Incoming),
    Channel(ChannelRequest),
    Batch(Batch),
    Alarm,
}

impl RunLoop {
    pub(crate) fn new(
        responder: Responder,
        registry: Arc<RwLock<Registry>>,
        outputs: Outputs,
        metrics: Metrics,
    ) -> Self {
        Self {
            responder,
            registry,
            outputs,
            metrics,
            waiting: BTreeMap::new(),
            handed_over: HashMap::new(),
            floods: Floods::default(),
            failed: None,
            finish: None,
        }
    }

    /// Runs until it is told to finish, until `abort`, or until the store fails.
    pub(crate) async fn run(mut self, mut inputs: Inputs, abort: CancellationToken) -> Result<(), GatewayError> {
        // What a store gave back may be due at once.
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
                return Err(GatewayError::Store(error.to_string()));
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
        // Answers before timers: one that was read before the deadline counts, however long it waited here.
        take(|| inputs.devices.try_recv(), DEVICE_MESSAGES, |message| self.device(&message));
        self.expire();
        take(|| inputs.channels.try_recv(), CHANNEL_CALLS, |request| self.channel(request));
        self.batches(&mut inputs.batches);
        // Whoever sees an effect also sees what is counted of it.
        self.metrics.engine.set(self.responder.stats());
        self.carry_out();
        self.metrics.engine.set(self.responder.stats());
    }

    fn batches(&mut self, queue: &mut mpsc::Receiver<Batch>) {
        let mut bytes = 0;
        while bytes < BATCH_BYTES {
            let Ok(batch) = queue.try_recv() else { return };
            // Every batch costs something, however short.
            bytes += batch.batch.body_bytes().max(MIN_BATCH_BYTES);
            self.batch(batch);
        }
    }

    /// When to wake up at the latest.
    fn alarm(&self) -> Alarm {
        let now = clock::now().instant;
        let sleep = self
            .responder
            .poll_timeout()
            .map_or(IDLE_SLEEP, |due| Duration::from_millis(due.millis_since(now)).min(LONGEST_SLEEP));
        let alarm = Alarm::now() + sleep;
        self.finish.map_or(alarm, |finish| finish.min(alarm))
    }

    fn expire(&mut self) {
        let now = clock::now();
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
            Control::Persisted(write) => self.responder.handle_persisted(write, clock::now()),
            Control::PersistFailed(error) => {
                tracing::error!(%error, "the store failed: nothing more is accepted");
                self.responder.handle_persist_failed();
                self.failed = Some(error);
            }
            Control::Link(LinkReport::Up(up)) => self.responder.handle_link(up, clock::now()),
            Control::Link(LinkReport::HandedOver(message_id, how)) => {
                self.responder.handle_handed_over(message_id, how, clock::now());
            }
            Control::Published(publication, Published::Done) => self.responder.handle_published(publication),
            Control::Published(publication, Published::Undeliverable) => {
                self.responder.handle_undeliverable(publication);
            }
            Control::StopAccepting => self.responder.stop_accepting(),
            Control::Finish(latest) => self.finish = Some(latest),
        }
    }

    fn device(&mut self, message: &Incoming) {
        if message.retained {
            return self.metrics.devices.ignored("retained");
        }
        let Ok(topic) = std::str::from_utf8(&message.topic) else {
            return self.metrics.devices.ignored("topic");
        };
        let attribution = self.responder.handle_device_message(topic, &message.payload, message.received);
        if !matches!(attribution, Attribution::Succeeded | Attribution::Failed) {
            self.floods.note(attribution, topic);
        }
    }

    fn batch(&mut self, batch: Batch) {
        // Nobody waits for it any more: as if it had never come.
        if batch.answer.is_closed() {
            return;
        }
        let ticket = self.responder.handle_batch(batch.batch, clock::now());
        self.waiting.insert(ticket, batch.answer);
    }

    fn channel(&mut self, request: ChannelRequest) {
        let saved = self.change(&request.call).map(|(record, desc)| {
            let (confirm, stored) = oneshot::channel();
            let entries = vec![StoreEntry::Channel(record)];
            self.outputs.store.send(Write { entries, confirm: Confirm::Caller(confirm) });
            SavedChannel { desc, stored }
        });
        // A caller that went away does not need to know.
        let _ = request.answer.send(saved);
    }

    fn change(&mut self, call: &ChannelCall) -> Result<(ChannelRecord, Option<Arc<str>>), ChannelError> {
        let mut registry = self.registry.write().unwrap_or_else(PoisonError::into_inner);
        let channels = &mut registry.channels;
        let saved = |org_id: &str, id: &str, desc: Option<Arc<str>>| {
            let record = ChannelRecord::Saved {
                org_id: org_id.into(),
                channel_id: id.into(),
                desc: desc.as_deref().map(Box::from),
            };
            (record, desc)
        };
        match call {
            ChannelCall::Create { org_id, family, id, desc } => {
                let channel = channels.create(org_id, *family, id, desc.as_deref())?;
                Ok(saved(org_id, id, channel.desc))
            }
            ChannelCall::Update { org_id, family, id, desc } => {
                let channel = channels.update(org_id, *family, id, desc.as_deref())?;
                Ok(saved(org_id, id, channel.desc))
            }
            ChannelCall::Delete { org_id, family, id, force } => {
                channels.get(org_id, *family, id).ok_or(ChannelError::Missing)?;
                let pending = self.responder.pending_on_channel(org_id, *family, id);
                if pending > 0 && !force {
                    return Err(ChannelError::InUse(pending));
                }
                channels.delete(org_id, *family, id)?;
                Ok((ChannelRecord::Deleted { org_id: org_id.as_str().into(), channel_id: id.as_str().into() }, None))
            }
        }
    }

    /// Carries out everything that the engine asks for.
    fn carry_out(&mut self) {
        while let Some(effect) = self.responder.poll_effect(clock::now()) {
            match effect {
                Effect::Persist { write, records, audit } => {
                    self.measure(&records);
                    let records = records.into_iter().map(StoreEntry::Engine);
                    let entries = records.chain(audit.into_iter().map(StoreEntry::Audit)).collect();
                    self.outputs.store.send(Write { entries, confirm: Confirm::Engine(write) });
                }
                Effect::Answer { batch, status, body } => {
                    if let Some(waiting) = self.waiting.remove(&batch) {
                        // A client that went away can send the batch again.
                        let _ = waiting.send(Answer { status, body });
                    }
                }
                Effect::HandOver { message_id, topic, payload, deadline } => {
                    self.handed_over.insert(message_id, clock::now().instant);
                    // The link outlives the run loop, except when everything is being torn down.
                    let _ =
                        self.outputs.commands.send(HandOver { message_id, topic, payload: payload.into(), deadline });
                }
                Effect::Publish { publication, org_id, family, channel_id, body, .. } => {
                    self.publish(publication, org_id, family, channel_id, body.into());
                }
                other => tracing::error!(?other, "the engine asks for something that the gateway does not know"),
            }
        }
    }

    fn publish(&mut self, id: PublicationId, org_id: Arc<str>, family: Family, channel_id: Arc<str>, body: Bytes) {
        let log = {
            let registry = self.registry.read().unwrap_or_else(PoisonError::into_inner);
            registry.channels.get(&org_id, family, &channel_id).map(|channel| Arc::clone(&channel.log))
        };
        let Some(log) = log else {
            tracing::warn!(org = &*org_id, channel = &*channel_id, "the channel is gone: outcomes are undeliverable");
            return self.responder.handle_undeliverable(id);
        };
        log.append(&body);
        // The link outlives the run loop, except when everything is being torn down.
        let _ = self.outputs.publications.send(Publication { id, org_id, family, channel_id, body });
    }

    /// Notes how long devices took whose items are decided by these records.
    fn measure(&mut self, records: &[Record]) {
        for record in records {
            if let Record::Final { message_id, outcome } = record
                && let Some(handed_over) = self.handed_over.remove(message_id)
                && outcome.device_reply_epoch_ms >= 0
            {
                self.metrics.devices.answered(clock::now().instant.millis_since(handed_over));
            }
        }
    }
}

/// Handles what is waiting, at most so many.
fn take<T>(mut next: impl FnMut() -> Result<T, mpsc::error::TryRecvError>, most: usize, mut handle: impl FnMut(T)) {
    for _ in 0..most {
        let Ok(input) = next() else { return };
        handle(input);
    }
}

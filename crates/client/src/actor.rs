//! The one task that owns the requester. It awaits nothing but its inputs, so that nothing slow elsewhere (a consumer, a
//! source, the service) delays it.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::{
    Requester,
    requester::{Event, RequestBatchId, SendState, Submission, SubmitError},
};
use setpoint_clock::now;
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use crate::{
    ChannelEvent, Error, SourceEvent,
    batch_events::BatchEvents,
    http::{Attempt, Transport},
    messages::{BatchContent, Command, Input, NextStep},
    observers::Observers,
    seam::{select, task},
    send::{self, PendingBatch, SendContext},
};

/// The longest sleep while items are open: tokio's timers stand still while the machine is suspended, deadlines do not.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long sources may take to close.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// The task's ends of all channels.
pub(crate) struct ActorChannels {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) input: mpsc::Receiver<Input>,
    /// For the tasks that are spawned later, and so that `input` never ends.
    pub(crate) input_sender: mpsc::Sender<Input>,
    /// At most one message for each batch whose stream was dropped: bounded by the open batches.
    pub(crate) cancels: mpsc::UnboundedReceiver<RequestBatchId>,
    pub(crate) cancels_sender: mpsc::UnboundedSender<RequestBatchId>,
    /// Set to true to stop the sources.
    pub(crate) stop: watch::Sender<bool>,
    /// Carries nothing. It is dropped when the task ends, which is what `Client::close` waits for.
    pub(crate) _ended: mpsc::Receiver<()>,
}

/// A batch with an open item.
struct OpenBatch {
    /// Holds at most two events for each item and one for the batch, so it needs no bound of its own.
    events: mpsc::UnboundedSender<Event>,
    sender: AbortHandle,
}

pub(crate) struct Actor<T> {
    requester: Requester,
    send_context: SendContext<T>,
    channels: ActorChannels,
    observers: Arc<Observers>,
    open: HashMap<RequestBatchId, OpenBatch>,
    senders: JoinSet<()>,
    sources: JoinSet<()>,
    /// Name and reason of the source that ended last.
    ended_source: Option<(String, String)>,
}

impl<T: Transport> Actor<T> {
    pub(crate) fn new(
        requester: Requester,
        send_context: SendContext<T>,
        channels: ActorChannels,
        observers: Arc<Observers>,
        sources: JoinSet<()>,
    ) -> Self {
        Self {
            requester,
            send_context,
            channels,
            observers,
            open: HashMap::new(),
            senders: JoinSet::new(),
            sources,
            ended_source: None,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let pause = self.pause();
            select! {
                command = self.channels.commands.recv() => match command {
                    Some(Command::Submit { content, permit, submitted }) => self.submit(content, permit, submitted),
                    // Closed; or every client and every stream of outcomes is gone.
                    Some(Command::Close) | None => break,
                },
                // Never ends: this task holds a sender itself.
                Some(input) = self.channels.input.recv() => self.handle_input(input),
                Some(batch) = self.channels.cancels.recv() => self.requester.cancel(batch),
                Some(_) = self.senders.join_next() => {}
                () = sleep(pause) => {}
            }
            let now = now();
            if self.requester.poll_timeout().is_some_and(|at| at <= now.instant) {
                self.requester.handle_timeout(now);
            }
            self.deliver();
        }
        self.shut_down().await;
    }

    fn pause(&self) -> Duration {
        match self.requester.poll_timeout() {
            Some(at) => Duration::from_millis(at.millis_since(now().instant)).min(LONGEST_SLEEP),
            // Nothing is due; the select wakes up for everything else.
            None => Duration::from_secs(3_600),
        }
    }

    fn submit(
        &mut self,
        content: BatchContent,
        permit: OwnedSemaphorePermit,
        submitted: oneshot::Sender<Result<BatchEvents, Error>>,
    ) {
        if submitted.is_closed() {
            return;
        }
        let submission = match self.register(content) {
            Ok(submission) => submission,
            Err(error) => {
                let _ = submitted.send(Err(error));
                return;
            }
        };
        let Submission { batch, family, body, items, patience_ms, .. } = submission;
        let (events, stream) = mpsc::unbounded_channel();
        let batch_events = BatchEvents::new(batch, family, items, stream, self.channels.cancels_sender.clone());
        if submitted.send(Ok(batch_events)).is_err() {
            // The call was dropped meanwhile. Nothing was sent, and nothing will be.
            self.requester.cancel(batch);
            return;
        }
        let patience = Duration::from_millis(u64::from(patience_ms));
        let pending = PendingBatch { batch, family, body: Bytes::from(body), patience };
        let sending = send::run(self.send_context.clone(), pending, Some(permit), self.channels.input_sender.clone());
        let sender = self.senders.spawn(task("sender", sending));
        self.open.insert(batch, OpenBatch { events, sender });
    }

    fn register(&mut self, content: BatchContent) -> Result<Submission, Error> {
        if let Some((name, reason)) = &self.ended_source {
            return Err(Error::SourceEnded { name: name.clone(), reason: reason.clone() });
        }
        let submitted: Result<Submission, SubmitError> = match content {
            BatchContent::Invokes(items) => self.requester.submit_invokes(&items, now()),
            BatchContent::Writes(items) => self.requester.submit_writes(&items, now()),
            BatchContent::Body(family, body) => self.requester.submit_body(family, body, now()),
        };
        Ok(submitted?)
    }

    fn handle_input(&mut self, input: Input) {
        match input {
            Input::Resending(batch) => self.requester.resend(batch, now()),
            Input::Attempted { batch, attempt, next_step } => {
                let next = self.handle_attempt(batch, attempt);
                // Fails only for a batch that has ended: its sender was aborted.
                let _ = next_step.send(next);
            }
            Input::Source { name, event } => self.handle_source_event(name, event),
            Input::SourceEnded { name, reason } => {
                tracing::error!(source = name, reason, "source ended");
                self.observers.notify_channel(ChannelEvent::Ended { source: name.clone(), reason: reason.clone() });
                self.ended_source = Some((name, reason));
            }
        }
    }

    fn handle_attempt(&mut self, batch: RequestBatchId, attempt: Attempt) -> NextStep {
        let state = match attempt {
            Attempt::Response { status, body } => {
                match self.requester.handle_response(batch, &body, now()) {
                    Ok(state) => state,
                    Err(error) => {
                        let reason = format!("HTTP {status} without a Setpoint answer ({error}); check the URL");
                        self.observers.notify_unreadable(format!("the response to batch {}: {reason}", batch.0));
                        // A refusal that is not in the protocol's form does not come from the service, so the service
                        // did not see the batch. Behind any other answer, such as a proxy's 502, it may have.
                        if (300..500).contains(&status) {
                            self.requester.handle_not_sent(batch, &reason)
                        } else {
                            SendState::Resend
                        }
                    }
                }
            }
            Attempt::NotSent(error) => self.requester.handle_not_sent(batch, &error.chain()),
            Attempt::Lost(_) => SendState::Resend,
        };
        match state {
            SendState::Settled => NextStep::Stop,
            // `Resend`. What a later version adds is not an end either.
            _ => NextStep::SendAgain,
        }
    }

    fn handle_source_event(&mut self, source: String, event: SourceEvent) {
        match event {
            SourceEvent::Message(body) => {
                if let Err(error) = self.requester.handle_message(&body) {
                    self.observers.notify_unreadable(format!("a message from {source}: {error}"));
                }
            }
            SourceEvent::Unreadable(reason) => self.observers.notify_unreadable(format!("{source}: {reason}")),
            SourceEvent::Disconnected(reason) => {
                self.observers.notify_channel(ChannelEvent::Disconnected { source, reason });
            }
            SourceEvent::Connected => self.observers.notify_channel(ChannelEvent::Connected { source }),
            SourceEvent::Gap(reason) => self.observers.notify_channel(ChannelEvent::Gap { source, reason }),
        }
    }

    /// Sends each of the requester's events to the stream of its batch, or to the observers.
    fn deliver(&mut self) {
        while let Some(event) = self.requester.poll_event() {
            let batch = match &event {
                Event::Accepted { item }
                | Event::Refused { item, .. }
                | Event::Finished { item, .. }
                | Event::TimedOut { item, .. }
                | Event::Cancelled { item } => item.batch,
                Event::BatchDone { batch, .. } => {
                    if let Some(open) = self.open.remove(batch) {
                        // All its items have ended: a request that is still under way can end none.
                        open.sender.abort();
                        let _ = open.events.send(event);
                    }
                    continue;
                }
                _ => {
                    self.observers.notify_late(event);
                    continue;
                }
            };
            if let Some(open) = self.open.get(&batch) {
                // Fails only if the stream was dropped.
                let _ = open.events.send(event);
            }
        }
    }

    async fn shut_down(&mut self) {
        self.channels.commands.close();
        self.senders.abort_all();
        let mut open: Vec<_> = self.open.keys().copied().collect();
        // In the order of the calls.
        open.sort_unstable();
        for batch in open {
            self.requester.cancel(batch);
        }
        self.deliver();
        self.observers.close();
        // A source that waits for room in `input` would never see `stop`.
        self.channels.input.close();
        let _ = self.channels.stop.send(true);
        let sources = &mut self.sources;
        let stopped = async { while sources.join_next().await.is_some() {} };
        if timeout(CLOSE_TIMEOUT, stopped).await.is_err() {
            self.sources.abort_all();
        }
        while self.senders.join_next().await.is_some() {}
    }
}

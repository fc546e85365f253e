//! The one task that owns the requester. It awaits nothing but its inputs, so nothing that is slow elsewhere
//! (a consumer, a source, the service) holds it up.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bytes::Bytes;
use setpoint::{
    Family, InvokeItem, Requester, WriteItem,
    requester::{Event, RequestBatchId, SendState, Submission, SubmitError},
};
use tokio::{
    sync::{OwnedSemaphorePermit, mpsc, oneshot, watch},
    task::{AbortHandle, JoinSet},
    time::{sleep, timeout},
};

use crate::{
    ChannelEvent, Error, SourceEvent,
    clock::now,
    http::{Attempt, Transport},
    outcomes::Ticket,
    seam::{select, task},
    send::{self, Next, Parcel, Sending},
    shared::Shared,
};

/// The longest sleep while items are open: timers elsewhere stand still while the machine is suspended.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);
/// How long sources may take to leave nothing behind.
const CLOSING: Duration = Duration::from_secs(3);

/// A batch as the caller gave it.
#[derive(Debug)]
pub(crate) enum Batch {
    Invokes(Vec<InvokeItem>),
    Writes(Vec<WriteItem>),
    Body(Family, Vec<u8>),
}

/// What the handles ask for.
#[derive(Debug)]
pub(crate) enum Command {
    Submit { batch: Batch, permit: OwnedSemaphorePermit, answer: oneshot::Sender<Result<Ticket, Error>> },
    Close,
}

/// What comes from the tasks that send batches and read sources.
#[derive(Debug)]
pub(crate) enum Input {
    Resending(RequestBatchId),
    Attempted { batch: RequestBatchId, attempt: Attempt, verdict: oneshot::Sender<Next> },
    Source { name: String, event: SourceEvent },
    SourceEnded { name: String, reason: String },
}

/// The task's ends of all channels.
pub(crate) struct Ends {
    pub(crate) commands: mpsc::Receiver<Command>,
    pub(crate) input: mpsc::Receiver<Input>,
    /// Kept for the tasks to come, and so that the channel never ends.
    pub(crate) input_in: mpsc::Sender<Input>,
    /// One message at most for each batch whose stream was dropped: bounded by the open batches.
    pub(crate) cancels: mpsc::UnboundedReceiver<RequestBatchId>,
    pub(crate) cancels_in: mpsc::UnboundedSender<RequestBatchId>,
    pub(crate) stop: watch::Sender<bool>,
    /// Goes with the task: whoever closes the client waits for that.
    pub(crate) _ended: mpsc::Receiver<()>,
}

struct Open {
    /// Holds at most two events an item and one for the batch, so it needs no bound of its own.
    events: mpsc::UnboundedSender<Event>,
    sender: AbortHandle,
}

pub(crate) struct Actor<T> {
    requester: Requester,
    sending: Sending<T>,
    ends: Ends,
    shared: Arc<Shared>,
    open: HashMap<RequestBatchId, Open>,
    senders: JoinSet<()>,
    sources: JoinSet<()>,
    ended: Option<(String, String)>,
}

impl<T: Transport> Actor<T> {
    pub(crate) fn new(
        requester: Requester,
        sending: Sending<T>,
        ends: Ends,
        shared: Arc<Shared>,
        sources: JoinSet<()>,
    ) -> Self {
        Self { requester, sending, ends, shared, open: HashMap::new(), senders: JoinSet::new(), sources, ended: None }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let pause = self.pause();
            select! {
                command = self.ends.commands.recv() => match command {
                    Some(Command::Submit { batch, permit, answer }) => self.submit(batch, permit, answer),
                    // Closed; or every client and every stream of outcomes is gone.
                    Some(Command::Close) | None => break,
                },
                // Never ends: this task holds a sender itself.
                Some(input) = self.ends.input.recv() => self.input(input),
                Some(batch) = self.ends.cancels.recv() => self.requester.cancel(batch),
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

    fn submit(&mut self, batch: Batch, permit: OwnedSemaphorePermit, answer: oneshot::Sender<Result<Ticket, Error>>) {
        if answer.is_closed() {
            return;
        }
        let submission = match self.take(batch) {
            Ok(submission) => submission,
            Err(error) => {
                let _ = answer.send(Err(error));
                return;
            }
        };
        let Submission { batch, family, body, items, patience_ms, .. } = submission;
        let (events, stream) = mpsc::unbounded_channel();
        let ticket = Ticket::new(batch, family, items, stream, self.ends.cancels_in.clone());
        if answer.send(Ok(ticket)).is_err() {
            // The caller went away meanwhile. Nothing was sent, and nothing will be.
            self.requester.cancel(batch);
            return;
        }
        let patience = Duration::from_millis(u64::from(patience_ms));
        let parcel = Parcel { batch, family, body: Bytes::from(body), patience };
        let sending = send::run(self.sending.clone(), parcel, Some(permit), self.ends.input_in.clone());
        let sender = self.senders.spawn(task("sender", sending));
        self.open.insert(batch, Open { events, sender });
    }

    fn take(&mut self, batch: Batch) -> Result<Submission, Error> {
        if let Some((name, reason)) = &self.ended {
            return Err(Error::SourceEnded { name: name.clone(), reason: reason.clone() });
        }
        let submitted: Result<Submission, SubmitError> = match batch {
            Batch::Invokes(items) => self.requester.submit_invokes(&items, now()),
            Batch::Writes(items) => self.requester.submit_writes(&items, now()),
            Batch::Body(family, body) => self.requester.submit_body(family, body, now()),
        };
        Ok(submitted?)
    }

    fn input(&mut self, input: Input) {
        match input {
            Input::Resending(batch) => self.requester.resend(batch, now()),
            Input::Attempted { batch, attempt, verdict } => {
                let next = self.attempted(batch, attempt);
                // A sender whose batch has ended is gone.
                let _ = verdict.send(next);
            }
            Input::Source { name, event } => self.source(name, event),
            Input::SourceEnded { name, reason } => {
                tracing::error!(source = name, reason, "source ended");
                self.shared.tell(ChannelEvent::Ended { source: name.clone(), reason: reason.clone() });
                self.ended = Some((name, reason));
            }
        }
    }

    fn attempted(&mut self, batch: RequestBatchId, attempt: Attempt) -> Next {
        let verdict = match attempt {
            Attempt::Response { status, body } => {
                match self.requester.handle_response(batch, &body, now()) {
                    Ok(verdict) => verdict,
                    Err(error) => {
                        let reason = format!("HTTP {status} without a Setpoint answer ({error}); check the URL");
                        self.shared.unreadable(format!("the response to batch {}: {reason}", batch.0));
                        // Whoever refused it in this way is not the service and has passed nothing on; of any other
                        // answer, such as a proxy's 502, the service may know more.
                        if (300..500).contains(&status) {
                            self.requester.handle_not_sent(batch, &reason)
                        } else {
                            SendState::Resend
                        }
                    }
                }
            }
            Attempt::NotSent(reason) => self.requester.handle_not_sent(batch, &reason),
            Attempt::Lost(_) => SendState::Resend,
        };
        match verdict {
            SendState::Settled => Next::Done,
            // `Resend`, and whatever a later version says that is not an end.
            _ => Next::Again,
        }
    }

    fn source(&mut self, source: String, event: SourceEvent) {
        match event {
            SourceEvent::Message(body) => {
                if let Err(error) = self.requester.handle_message(&body) {
                    self.shared.unreadable(format!("a message from {source}: {error}"));
                }
            }
            SourceEvent::Unreadable(reason) => self.shared.unreadable(format!("{source}: {reason}")),
            SourceEvent::Disconnected(reason) => self.shared.tell(ChannelEvent::Disconnected { source, reason }),
            SourceEvent::Connected => self.shared.tell(ChannelEvent::Connected { source }),
            SourceEvent::Gap(reason) => self.shared.tell(ChannelEvent::Gap { source, reason }),
        }
    }

    /// Takes every event to where it belongs.
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
                        // All its items have ended: whatever is still being sent ends nothing.
                        open.sender.abort();
                        let _ = open.events.send(event);
                    }
                    continue;
                }
                _ => {
                    self.shared.late(event);
                    continue;
                }
            };
            if let Some(open) = self.open.get(&batch) {
                // A stream that was dropped needs no events.
                let _ = open.events.send(event);
            }
        }
    }

    async fn shut_down(&mut self) {
        self.ends.commands.close();
        self.senders.abort_all();
        let mut open: Vec<_> = self.open.keys().copied().collect();
        // In the order of the calls.
        open.sort_unstable();
        for batch in open {
            self.requester.cancel(batch);
        }
        self.deliver();
        self.shared.close();
        // Readers that wait for room would never see the stop.
        self.ends.input.close();
        let _ = self.ends.stop.send(true);
        let sources = &mut self.sources;
        let stopped = async { while sources.join_next().await.is_some() {} };
        if timeout(CLOSING, stopped).await.is_err() {
            self.sources.abort_all();
        }
        while self.senders.join_next().await.is_some() {}
    }
}

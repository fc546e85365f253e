//! The task of one device: its connection, its logic, its outgoing answers, and what the fleet tells it.

use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{PublishNoticeError, PublishOptions, SubscribeNoticeError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::broker::Broker;
use crate::connection::{CLOSE_TIMEOUT, Connection, ConnectionEvent, ConnectionFailure, FailureKind};
use crate::control::Control;
use crate::device::{Device, DueAnswer, ReceivedMessage};
use crate::error::{Error, Result};
use crate::options::FleetOptions;
use crate::outgoing::{Outgoing, OutgoingMessage};
use crate::waiters::Waiters;

/// The pause before a connection is opened again whose task ended unexpectedly.
const REOPEN_AFTER: Duration = Duration::from_millis(100);

pub(crate) struct Worker {
    device: Device,
    broker: Broker,
    options: Arc<FleetOptions>,
    controls: mpsc::Receiver<Control>,
    /// Whether the device is connected and subscribed.
    online: watch::Sender<bool>,
    connection: Option<Connection>,
    /// Whether the connection is open, subscribed or not.
    up: bool,
    /// Counts connections, so that the subscription of an earlier one is not taken for that of this one.
    connection_number: u64,
    last_failure: Option<String>,
    waiters: Waiters,
    reconnect_at: Option<Instant>,
    outgoing: Outgoing,
    /// Waits for the acknowledgements of the broker.
    unacknowledged: JoinSet<Acknowledged>,
}

/// What became of something that was sent.
enum Acknowledged {
    Answer(OutgoingMessage, std::result::Result<(), PublishNoticeError>),
    Subscription { connection_number: u64, result: std::result::Result<(), SubscribeNoticeError> },
}

/// What the task handles next.
enum Next {
    Control(Option<Control>),
    Connection(Option<ConnectionEvent>),
    Acknowledged(std::result::Result<Acknowledged, JoinError>),
    AnswerDue,
    WaiterExpired,
    Reconnect,
}

impl Worker {
    pub(crate) fn new(
        device: Device,
        broker: Broker,
        options: Arc<FleetOptions>,
        controls: mpsc::Receiver<Control>,
        online: watch::Sender<bool>,
    ) -> Self {
        Self {
            device,
            broker,
            options,
            controls,
            online,
            connection: None,
            up: false,
            connection_number: 0,
            last_failure: None,
            waiters: Waiters::default(),
            reconnect_at: None,
            outgoing: Outgoing::default(),
            unacknowledged: JoinSet::new(),
        }
    }

    /// Runs until it is shut down or the fleet is dropped.
    pub(crate) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Control(None) => return,
                Next::Control(Some(Control::Shutdown)) => return self.close().await,
                Next::Control(Some(control)) => self.handle_control(control).await,
                Next::Connection(event) => self.handle_connection_event(event),
                Next::Acknowledged(Ok(result)) => self.handle_acknowledgement(result),
                // Aborted, by a reboot.
                Next::Acknowledged(Err(_)) => {}
                Next::AnswerDue => self.send_due_answers(),
                Next::WaiterExpired => self.expire_waiters(),
                Next::Reconnect => self.connect(),
            }
        }
    }

    /// Waits for acknowledgements, for a limited time, and disconnects.
    async fn close(mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // No more messages are received: a full inbox would keep the connection from reading acknowledgements.
        connection.events.close();
        let _late = tokio::time::timeout(CLOSE_TIMEOUT, async {
            while self.up
                && let Some(result) = self.unacknowledged.join_next().await
            {
                if let Ok(result) = result {
                    self.handle_acknowledgement(result);
                }
            }
        })
        .await;
        connection.close().await;
    }

    async fn next(&mut self) -> Next {
        let next_due = self.outgoing.next_due();
        let first_deadline = self.waiters.first_deadline();
        let connection = async {
            match &mut self.connection {
                Some(connection) => connection.events.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            control = self.controls.recv() => Next::Control(control),
            event = connection => Next::Connection(event),
            Some(result) = self.unacknowledged.join_next() => Next::Acknowledged(result),
            () = sleep_until_some(next_due) => Next::AnswerDue,
            () = sleep_until_some(first_deadline) => Next::WaiterExpired,
            () = sleep_until_some(self.reconnect_at) => Next::Reconnect,
        }
    }

    async fn handle_control(&mut self, control: Control) {
        match control {
            Control::Offline { back_after, done } => {
                self.cut().await;
                self.reconnect_at = back_after.map(|after| Instant::now() + after);
                let device = self.device.id().clone();
                self.waiters.fail(|| Error::Overruled { device: device.clone() });
                let _gave_up = done.send(());
            }
            Control::Online { done } => {
                self.wait_online(done);
                self.connect();
            }
            Control::Reboot { done } => {
                self.cut().await;
                self.device.reboot();
                self.outgoing.clear();
                self.unacknowledged = JoinSet::new();
                self.wait_online(done);
                self.connect();
            }
            Control::Shutdown => {}
        }
    }

    fn wait_online(&mut self, done: oneshot::Sender<Result<()>>) {
        if *self.online.borrow() {
            let _gave_up = done.send(Ok(()));
        } else {
            let until = Instant::now() + Duration::from_millis(self.options.connect_timeout_ms);
            self.waiters.add(until, done);
        }
    }

    fn connect(&mut self) {
        self.reconnect_at = None;
        if self.connection.is_none() {
            self.connection = Some(Connection::open(self.device.id(), &self.broker, &self.options));
        }
    }

    async fn cut(&mut self) {
        self.set_down();
        if let Some(connection) = self.connection.take() {
            connection.cut().await;
        }
    }

    fn set_down(&mut self) {
        self.up = false;
        self.online.send_replace(false);
    }

    fn handle_connection_event(&mut self, event: Option<ConnectionEvent>) {
        match event {
            Some(ConnectionEvent::Up) => {
                self.up = true;
                self.connection_number += 1;
                self.subscribe();
                for message in self.outgoing.take_unsent() {
                    self.send(message);
                }
            }
            Some(ConnectionEvent::Message(publish, at)) => {
                // MQTT topics are UTF-8; one that is not does not name this device.
                let Ok(topic) = std::str::from_utf8(&publish.topic) else {
                    return;
                };
                let message = ReceivedMessage { topic, payload: &publish.payload, retained: publish.retain, at };
                for due in self.device.receive(&message) {
                    self.schedule(due);
                }
            }
            Some(ConnectionEvent::Down(failure)) => {
                self.set_down();
                self.report(&failure);
                self.last_failure = Some(failure.error.to_string());
            }
            // The connection's task has ended, which it does not do by itself.
            None => {
                self.set_down();
                self.connection = None;
                self.reconnect_at = Some(Instant::now() + REOPEN_AFTER);
            }
        }
    }

    /// Fails the waiters, unless the failure is likely to pass. The device itself goes on trying.
    fn report(&mut self, failure: &ConnectionFailure) {
        let (device, broker) = (self.device.id(), &self.broker);
        match failure.kind {
            FailureKind::Refused => self.waiters.fail(|| Error::ConnectionRefused {
                device: device.clone(),
                broker: broker.clone(),
                source: failure.error.clone(),
            }),
            FailureKind::Unreachable => self.waiters.fail(|| Error::Unreachable {
                device: device.clone(),
                broker: broker.clone(),
                source: failure.error.clone(),
            }),
            FailureKind::Transient => {}
        }
    }

    fn expire_waiters(&mut self) {
        let last = self.last_failure.as_deref().unwrap_or(if self.up {
            "connected, but the subscription was not acknowledged"
        } else {
            "no answer"
        });
        self.waiters.expire(Instant::now(), || Error::TimedOut {
            device: self.device.id().clone(),
            broker: self.broker.clone(),
            after_ms: self.options.connect_timeout_ms,
            last: last.to_owned(),
        });
    }

    fn subscribe(&mut self) {
        let connection_number = self.connection_number;
        let notice =
            self.connection.as_ref().and_then(|connection| connection.subscribe(self.device.id(), &self.options));
        if let Some(notice) = notice {
            self.unacknowledged.spawn(async move {
                let result = notice.wait_completion_async().await;
                Acknowledged::Subscription { connection_number, result }
            });
        }
    }

    fn schedule(&mut self, due: DueAnswer) {
        let message = OutgoingMessage::new(due);
        match message.due.answer.after_ms {
            0 => self.send(message),
            after => self.outgoing.schedule(message, Duration::from_millis(after)),
        }
    }

    fn send_due_answers(&mut self) {
        let now = Instant::now();
        while let Some(message) = self.outgoing.take_due(now) {
            self.send(message);
        }
    }

    /// Hands an answer to the connection, or keeps it for the next one.
    fn send(&mut self, mut message: OutgoingMessage) {
        let Some(connection) = self.connection.as_ref().filter(|_| self.up) else {
            self.outgoing.push_unsent(message);
            return;
        };
        let answer = &message.due.answer;
        let sent = connection.client.try_publish_tracked(
            answer.topic.as_str(),
            answer.payload.as_str(),
            PublishOptions::at_least_once(),
        );
        let Ok(notice) = sent else {
            // The queue is unbounded and the topic is valid, so the connection is closed.
            self.outgoing.push_unsent(message);
            return;
        };
        message.attempts += 1;
        let (entry, ledger) = (message.due.entry, self.device.ledger());
        match message.recorded {
            None => message.recorded = ledger.answered(entry, answer),
            Some(index) => ledger.update_answer(entry, index, |answer| answer.attempts += 1),
        }
        self.unacknowledged.spawn(async move {
            let result = notice.wait_completion_async().await;
            Acknowledged::Answer(message, result)
        });
    }

    fn handle_acknowledgement(&mut self, result: Acknowledged) {
        match result {
            Acknowledged::Answer(message, Ok(())) => {
                let ledger = self.device.ledger();
                let now = ledger.stamp(std::time::Instant::now());
                if let Some(index) = message.recorded {
                    ledger.update_answer(message.due.entry, index, |answer| answer.acknowledged = Some(now));
                }
            }
            Acknowledged::Answer(message, Err(_)) => {
                // The broker may have it already. A repetition does no harm: for the gateway the first one counts.
                if message.may_be_sent_again() {
                    self.send(message);
                }
            }
            Acknowledged::Subscription { connection_number, result } => {
                if connection_number == self.connection_number && self.up {
                    self.handle_subscription(result);
                }
            }
        }
    }

    fn handle_subscription(&mut self, result: std::result::Result<(), SubscribeNoticeError>) {
        match result {
            Ok(()) => {
                self.last_failure = None;
                self.online.send_replace(true);
                self.waiters.succeed();
            }
            Err(error @ SubscribeNoticeError::V4SubAckFailure(_)) => {
                let (device, broker) = (self.device.id(), &self.broker);
                self.waiters.fail(|| Error::SubscriptionRefused {
                    topics: format!("{}#", device.service_prefix()),
                    device: device.clone(),
                    broker: broker.clone(),
                });
                self.last_failure = Some(error.to_string());
            }
            // The connection was lost meanwhile; the next one subscribes again.
            Err(error) => self.last_failure = Some(error.to_string()),
        }
    }
}

/// Waits until `when`, or for ever.
async fn sleep_until_some(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

//! The task of one device: it brings together its connection, its logic, its waiting answers and its orders.

use std::collections::{BTreeMap, VecDeque};
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use rumqttc::{PublishNoticeError, PublishOptions, SubscribeNoticeError};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, sleep_until};

use crate::broker::Broker;
use crate::device::{Device, Due, Received};
use crate::error::{Error, Result};
use crate::link::{FAREWELL, Link, LinkEvent, Trouble, TroubleKind};
use crate::options::FleetOptions;
use crate::order::Order;
use crate::waiters::Waiters;

/// How often an answer is handed to a connection that is lost before the broker acknowledged it. Bounded, because
/// a broker may close the connection over the very answer.
const MAX_ATTEMPTS: u32 = 5;

/// A device at work.
pub(crate) struct Worker {
    device: Device,
    broker: Broker,
    options: Arc<FleetOptions>,
    orders: mpsc::Receiver<Order>,
    online: watch::Sender<bool>,
    link: Option<Link>,
    /// Whether the link is connected, subscribed or not.
    up: bool,
    /// Counts connections, so that a subscription of an earlier one is not taken for this one's.
    connection: u64,
    last_trouble: Option<String>,
    waiting: Waiters,
    back_at: Option<Instant>,
    /// Answers whose time has not come, by when it does; the number keeps equal times in order.
    later: BTreeMap<(Instant, u64), Parcel>,
    parcels: u64,
    /// Answers that were due while there was no connection.
    outbox: VecDeque<Parcel>,
    /// What the broker has yet to acknowledge.
    pending: JoinSet<Acknowledged>,
}

/// An answer on its way.
struct Parcel {
    due: Due,
    /// Its place among the entry's answers in the ledger, once it was sent.
    place: Option<usize>,
    attempts: u32,
}

/// What became of something sent.
enum Acknowledged {
    Answer(Parcel, std::result::Result<(), PublishNoticeError>),
    Subscription { connection: u64, result: std::result::Result<(), SubscribeNoticeError> },
}

/// What happens next.
enum Next {
    Order(Option<Order>),
    Link(Option<LinkEvent>),
    Pending(std::result::Result<Acknowledged, JoinError>),
    AnswerDue,
    GiveUp,
    ComeBack,
}

impl Worker {
    pub(crate) fn new(
        device: Device,
        broker: Broker,
        options: Arc<FleetOptions>,
        orders: mpsc::Receiver<Order>,
        online: watch::Sender<bool>,
    ) -> Self {
        Self {
            device,
            broker,
            options,
            orders,
            online,
            link: None,
            up: false,
            connection: 0,
            last_trouble: None,
            waiting: Waiters::default(),
            back_at: None,
            later: BTreeMap::new(),
            parcels: 0,
            outbox: VecDeque::new(),
            pending: JoinSet::new(),
        }
    }

    /// Works until told to stop, or until nobody is left to tell it anything.
    pub(crate) async fn run(mut self) {
        loop {
            match self.next().await {
                Next::Order(None) => return,
                Next::Order(Some(Order::Shutdown)) => return self.close().await,
                Next::Order(Some(order)) => self.obey(order).await,
                Next::Link(event) => self.hear(event),
                Next::Pending(Ok(result)) => self.settle(result),
                // Only an abort gives this, and only a reboot aborts.
                Next::Pending(Err(_)) => {}
                Next::AnswerDue => self.send_what_is_due(),
                Next::GiveUp => self.give_up(),
                Next::ComeBack => self.come_back(),
            }
        }
    }

    /// Waits for what was sent to be acknowledged, though not for ever, and takes leave of the broker.
    async fn close(mut self) {
        let Some(mut link) = self.link.take() else {
            return;
        };
        // Nothing is taken in any more; a full inbox would keep the connection from fetching acknowledgements.
        link.events.close();
        let _late = tokio::time::timeout(FAREWELL, async {
            while self.up
                && let Some(result) = self.pending.join_next().await
            {
                if let Ok(result) = result {
                    self.settle(result);
                }
            }
        })
        .await;
        link.close().await;
    }

    async fn next(&mut self) -> Next {
        let next_answer = self.later.first_key_value().map(|(&(at, _), _)| at);
        let give_up = self.waiting.first_deadline();
        let link = async {
            match &mut self.link {
                Some(link) => link.events.recv().await,
                None => pending().await,
            }
        };
        tokio::select! {
            order = self.orders.recv() => Next::Order(order),
            event = link => Next::Link(event),
            Some(result) = self.pending.join_next() => Next::Pending(result),
            () = at(next_answer) => Next::AnswerDue,
            () = at(give_up) => Next::GiveUp,
            () = at(self.back_at) => Next::ComeBack,
        }
    }

    async fn obey(&mut self, order: Order) {
        match order {
            Order::Offline { back_after, done } => {
                self.cut().await;
                self.back_at = back_after.map(|after| Instant::now() + after);
                let device = self.device.id().clone();
                self.waiting.fail(|| Error::Overruled { device: device.clone() });
                let _gone = done.send(());
            }
            Order::Online { done } => {
                self.wait(done);
                self.come_back();
            }
            Order::Reboot { done } => {
                self.cut().await;
                self.device.reboot();
                self.later.clear();
                self.outbox.clear();
                self.pending = JoinSet::new();
                self.wait(done);
                self.come_back();
            }
            Order::Shutdown => {}
        }
    }

    fn wait(&mut self, done: oneshot::Sender<Result<()>>) {
        if *self.online.borrow() {
            let _gone = done.send(Ok(()));
        } else {
            let until = Instant::now() + Duration::from_millis(self.options.connect_timeout_ms);
            self.waiting.add(until, done);
        }
    }

    fn come_back(&mut self) {
        self.back_at = None;
        if self.link.is_none() {
            self.link = Some(Link::start(self.device.id(), &self.broker, &self.options));
        }
    }

    async fn cut(&mut self) {
        self.gone_down();
        if let Some(link) = self.link.take() {
            link.cut().await;
        }
    }

    fn gone_down(&mut self) {
        self.up = false;
        self.online.send_replace(false);
    }

    fn hear(&mut self, event: Option<LinkEvent>) {
        match event {
            Some(LinkEvent::Up) => {
                self.up = true;
                self.connection += 1;
                self.subscribe();
                for parcel in std::mem::take(&mut self.outbox) {
                    self.send(parcel);
                }
            }
            Some(LinkEvent::Message(publish, at)) => {
                // An MQTT topic is UTF-8; what is not was not addressed to this device.
                let Ok(topic) = std::str::from_utf8(&publish.topic) else {
                    return;
                };
                let due =
                    self.device.receive(&Received { topic, payload: &publish.payload, retained: publish.retain, at });
                for due in due {
                    self.schedule(due);
                }
            }
            Some(LinkEvent::Down(trouble)) => {
                self.gone_down();
                self.report(&trouble);
                self.last_trouble = Some(trouble.reason);
            }
            // The connection's task has ended, which it does not do by itself: start over.
            None => {
                self.gone_down();
                self.link = None;
                self.back_at = Some(Instant::now() + Duration::from_millis(100));
            }
        }
    }

    /// Tells those who wait when waiting longer makes no sense. The device itself goes on trying.
    fn report(&mut self, trouble: &Trouble) {
        let (device, broker) = (self.device.id().clone(), self.broker.clone());
        let reason = trouble.reason.clone();
        match trouble.kind {
            TroubleKind::Refused => self.waiting.fail(|| Error::Refused {
                device: device.clone(),
                broker: broker.clone(),
                reason: reason.clone(),
            }),
            TroubleKind::Unreachable => self.waiting.fail(|| Error::Unreachable {
                device: device.clone(),
                broker: broker.clone(),
                reason: reason.clone(),
            }),
            TroubleKind::Passing => {}
        }
    }

    fn give_up(&mut self) {
        let last = self.last_trouble.as_deref().unwrap_or(if self.up {
            "connected, but the subscription was not acknowledged"
        } else {
            "no answer"
        });
        self.waiting.expire(Instant::now(), || Error::TimedOut {
            device: self.device.id().clone(),
            broker: self.broker.clone(),
            after_ms: self.options.connect_timeout_ms,
            last: last.to_owned(),
        });
    }

    fn subscribe(&mut self) {
        let connection = self.connection;
        let notice = self.link.as_ref().and_then(|link| link.subscribe(self.device.id(), &self.options));
        if let Some(notice) = notice {
            self.pending.spawn(async move {
                let result = notice.wait_completion_async().await;
                Acknowledged::Subscription { connection, result }
            });
        }
    }

    fn schedule(&mut self, due: Due) {
        let parcel = Parcel { place: None, attempts: 0, due };
        match parcel.due.answer.after_ms {
            0 => self.send(parcel),
            after => {
                self.parcels += 1;
                let when = Instant::now() + Duration::from_millis(after);
                self.later.insert((when, self.parcels), parcel);
            }
        }
    }

    fn send_what_is_due(&mut self) {
        let now = Instant::now();
        while let Some(first) = self.later.first_entry() {
            if first.key().0 > now {
                return;
            }
            let parcel = first.remove();
            self.send(parcel);
        }
    }

    /// Hands an answer to the connection, or keeps it for the next one.
    fn send(&mut self, mut parcel: Parcel) {
        let Some(link) = self.link.as_ref().filter(|_| self.up) else {
            self.outbox.push_back(parcel);
            return;
        };
        let answer = &parcel.due.answer;
        let sent = link.client.try_publish_tracked(
            answer.topic.as_str(),
            answer.payload.as_str(),
            PublishOptions::at_least_once(),
        );
        let Ok(notice) = sent else {
            // The channel is unbounded and the topic was one already: only a closed connection is left.
            self.outbox.push_back(parcel);
            return;
        };
        parcel.attempts += 1;
        let (entry, ledger) = (parcel.due.entry, self.device.ledger());
        match parcel.place {
            None => parcel.place = ledger.answered(entry, answer),
            Some(place) => ledger.update_answer(entry, place, |answer| answer.attempts += 1),
        }
        self.pending.spawn(async move {
            let result = notice.wait_completion_async().await;
            Acknowledged::Answer(parcel, result)
        });
    }

    fn settle(&mut self, result: Acknowledged) {
        match result {
            Acknowledged::Answer(parcel, Ok(())) => {
                let ledger = self.device.ledger();
                let now = ledger.stamp(std::time::Instant::now());
                if let Some(place) = parcel.place {
                    ledger.update_answer(parcel.due.entry, place, |answer| answer.acknowledged = Some(now));
                }
            }
            Acknowledged::Answer(parcel, Err(_)) => {
                // The broker may have it all the same. A second one does no harm: the gateway takes the first.
                if parcel.due.answer.insist && parcel.attempts < MAX_ATTEMPTS {
                    self.send(parcel);
                }
            }
            Acknowledged::Subscription { connection, result } => {
                if connection == self.connection && self.up {
                    self.subscribed(result);
                }
            }
        }
    }

    fn subscribed(&mut self, result: std::result::Result<(), SubscribeNoticeError>) {
        match result {
            Ok(()) => {
                self.last_trouble = None;
                self.online.send_replace(true);
                self.waiting.succeed();
            }
            Err(error @ SubscribeNoticeError::V4SubAckFailure(_)) => {
                let (device, broker) = (self.device.id().clone(), self.broker.clone());
                self.waiting.fail(|| Error::SubscriptionRefused {
                    topics: format!("{}#", device.service_prefix()),
                    device: device.clone(),
                    broker: broker.clone(),
                });
                self.last_trouble = Some(error.to_string());
            }
            // The connection was lost in between; the next one subscribes again.
            Err(error) => self.last_trouble = Some(error.to_string()),
        }
    }
}

/// Waits until `when`, or for ever.
async fn at(when: Option<Instant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => pending().await,
    }
}

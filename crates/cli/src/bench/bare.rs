//! Bare MQTT request and reply, the baseline: one client publishes the same commands and matches the replies by id.
//!
//! Without HTTP, validation, store, timers and channel.

use std::{
    collections::HashMap,
    net::SocketAddr,
    sync::{Arc, Mutex},
    time::Duration,
};

use rumqttc_v5::{
    AsyncClient, Event, EventLoop, MqttOptions, Packet, PublishOptions, QoS, RetainForwardRule, SubscribeFilter,
};
use serde::Deserialize;
use setpoint::{
    Family,
    device::{ANSWER_FILTERS, CommandPayload, command_topic},
    json::Payload,
};
use setpoint_client::error_chain;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout},
};

use super::item::{End, How, PRODUCT, TIMEOUT_MS, device_key, input};
use crate::{
    failure::{Failure, exit},
    lock::lock,
};

/// Commands in the client's queue; senders wait while it is full.
const QUEUE: usize = 4_096;
/// Commands sent and not acknowledged by the broker, at most.
const WINDOW: u16 = 1_024;
/// Commands in one write to the socket, as many as the gateway writes.
const COMMANDS_PER_WRITE: usize = 16;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// By number of the item: where to send its end, and its index in its batch.
type Waiting = Arc<Mutex<HashMap<u64, (mpsc::UnboundedSender<End>, usize)>>>;

/// One MQTT client.
#[derive(Debug)]
pub(super) struct Bare {
    client: AsyncClient,
    waiting: Waiting,
    topics: Vec<String>,
    service: String,
    task: JoinHandle<()>,
}

/// A batch that was sent.
pub(super) struct Sent {
    ends: mpsc::UnboundedReceiver<End>,
    left: usize,
}

/// A device's reply.
#[derive(Deserialize)]
struct Reply<'a> {
    id: &'a str,
    code: i64,
    data: Option<Echo>,
}

#[derive(Deserialize)]
struct Echo {
    n: u64,
}

impl Bare {
    pub(super) async fn connect(broker: SocketAddr, devices: usize, service: &str) -> Result<Self, Failure> {
        let mut options = MqttOptions::new("bench-requester", (broker.ip().to_string(), broker.port()));
        options.set_clean_start(true);
        options.set_outgoing_inflight_upper_limit(WINDOW);
        options.set_max_request_batch(COMMANDS_PER_WRITE);
        let mut network = options.network_options();
        network.set_tcp_nodelay(true);
        options.set_network_options(network);
        let (client, driver) =
            AsyncClient::builder(options).capacity(QUEUE).try_build().map_err(|error| failure(&error_chain(&error)))?;
        let waiting = Waiting::default();
        let (up, is_up) = oneshot::channel();
        let task = tokio::spawn(drive(client.clone(), driver, Arc::clone(&waiting), up));
        match timeout(CONNECT_TIMEOUT, is_up).await {
            Ok(Ok(())) => {}
            _ => return Err(failure("it does not connect")),
        }
        let topic = |device| command_topic(Family::Invoke, PRODUCT, &device_key(device), service);
        Ok(Self { client, waiting, topics: (0..devices).map(topic).collect(), service: service.to_owned(), task })
    }

    pub(super) async fn send(&self, first: u64, items: usize) -> Result<Sent, Failure> {
        let (ended, ends) = mpsc::unbounded_channel();
        {
            // Before the first one is sent, so that no reply comes too early.
            let mut waiting = lock(&self.waiting);
            waiting.extend((0..items).map(|index| (first + index as u64, (ended.clone(), index))));
        }
        let deadline_epoch_ms = setpoint_clock::epoch_ms() + i64::from(TIMEOUT_MS);
        for number in first..first + items as u64 {
            let input = input(number);
            let mut payload = Vec::with_capacity(256);
            CommandPayload {
                family: Family::Invoke,
                message_id: &format!("{number:032}"),
                target: &self.service,
                input: Payload::parse(&input).ok(),
                timeout_ms: u64::from(TIMEOUT_MS),
                deadline_epoch_ms,
            }
            .write(&mut payload);
            let topic = &self.topics[usize::try_from(number).unwrap_or(0) % self.topics.len()];
            let sent = self.client.publish(topic.as_str(), payload, PublishOptions::new(QoS::AtLeastOnce)).await;
            sent.map_err(|error| failure(&error_chain(&error)))?;
        }
        Ok(Sent { ends, left: items })
    }

    pub(super) async fn close(&self) {
        // Fails only if the connection has ended.
        let _ = self.client.try_disconnect_now();
        self.task.abort();
    }
}

impl Sent {
    pub(super) async fn next(&mut self) -> Option<End> {
        if self.left == 0 {
            return None;
        }
        self.left -= 1;
        self.ends.recv().await
    }
}

async fn drive(client: AsyncClient, mut driver: EventLoop, waiting: Waiting, up: oneshot::Sender<()>) {
    let mut up = Some(up);
    loop {
        match driver.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let filter = SubscribeFilter {
                    nolocal: true,
                    retain_forward_rule: RetainForwardRule::Never,
                    ..SubscribeFilter::new(ANSWER_FILTERS[0], QoS::AtLeastOnce)
                };
                if client.try_subscribe_many([filter]).is_err() {
                    return;
                }
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                if let Some(up) = up.take() {
                    // Fails only if `connect` timed out.
                    let _ = up.send(());
                }
            }
            Ok(Event::Incoming(Packet::Publish(publish))) if publish.topic.ends_with(b"_reply") => {
                handle_reply(&waiting, &publish.payload);
            }
            Ok(_) => {}
            // The items under way never end, which the books report.
            Err(error) => return tracing::error!(%error, "the bare client has lost its connection"),
        }
    }
}

fn handle_reply(waiting: &Waiting, payload: &[u8]) {
    let Ok(reply) = serde_json::from_slice::<Reply<'_>>(payload) else { return };
    let Ok(number) = reply.id.parse::<u64>() else { return };
    let Some((ended, index)) = lock(waiting).remove(&number) else { return };
    let how = if reply.code == 200 { How::Succeeded } else { How::Failed };
    let own = reply.data.is_some_and(|echo| echo.n == number);
    // Fails only if the batch was given up.
    let _ = ended.send(End { index, how, at: Instant::now(), own });
}

fn failure(why: &str) -> Failure {
    Failure::new(exit::INTERNAL, format!("the bare client does not work: {why}"))
}

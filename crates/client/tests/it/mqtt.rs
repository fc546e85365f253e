//! Outcomes over MQTT topics, with a real broker behind a connection that can be cut.

use std::{net::SocketAddr, time::Duration};

use mqtt5::broker::{BrokerConfig, BrokerShutdownHandle, MqttBroker, StorageBackendType, StorageConfig};
use rumqttc::{AsyncClient, ConnectionError, Event, EventLoop, MqttOptions, Packet, PublishOptions};
use setpoint_client::{ChannelEvent, ChannelEvents, Client, Outcomes};
use tokio::{net::TcpListener, sync::watch, task::JoinHandle};

use crate::{
    exchange::{own_outputs, settle},
    service::{CHANNEL, Service, invoke, outcome, reserve, soon},
};

struct Broker {
    addr: SocketAddr,
    stop: BrokerShutdownHandle,
    running: JoinHandle<()>,
}

impl Broker {
    async fn start() -> Self {
        let config = BrokerConfig::default()
            .with_bind_address(SocketAddr::from(([127, 0, 0, 1], 0)))
            .with_storage(StorageConfig::new().with_backend(StorageBackendType::Memory))
            .with_sys_topics_enabled(false);
        let mut broker = MqttBroker::with_config(config).await.unwrap();
        let addr = broker.local_addr().unwrap();
        let stop = broker.shutdown_handle();
        let running = tokio::spawn(async move { broker.run().await.unwrap() });
        Self { addr, stop, running }
    }

    async fn stop(self) {
        self.stop.shutdown();
        self.running.await.unwrap();
    }

    /// Publishes and waits until the broker has it.
    async fn publish(&self, message: String, retain: bool) {
        let (client, eventloop) = connection(self.addr, "publisher", true);
        let task = tokio::spawn(poll(eventloop));
        let mut options = PublishOptions::at_least_once();
        if retain {
            options = options.retain(true);
        }
        let notice = client.publish_tracked(CHANNEL, message.into_bytes(), options).await.unwrap();
        notice.wait_async().await.unwrap();
        client.disconnect_now().await.unwrap();
        task.await.unwrap();
    }
}

fn connection(addr: SocketAddr, id: &str, clean: bool) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, (addr.ip().to_string(), addr.port()));
    options.set_clean_session(clean);
    AsyncClient::builder(options).capacity(10).build()
}

async fn poll(mut eventloop: EventLoop) {
    while !matches!(eventloop.poll().await, Err(ConnectionError::RequestsDone)) {}
}

/// Forwards connections to a broker; without one it closes those there are and every new one.
struct Wire {
    addr: SocketAddr,
    broker: watch::Sender<Option<SocketAddr>>,
}

impl Wire {
    async fn to(broker: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let addr = listener.local_addr().unwrap();
        let (broker, changes) = watch::channel(Some(broker));
        tokio::spawn(async move {
            while let Ok((mut near, _)) = listener.accept().await {
                let mut changes = changes.clone();
                let Some(broker) = *changes.borrow_and_update() else { continue };
                tokio::spawn(async move {
                    let mut far = tokio::net::TcpStream::connect(broker).await.unwrap();
                    tokio::select! {
                        _ = tokio::io::copy_bidirectional(&mut near, &mut far) => {}
                        _ = changes.changed() => {}
                    }
                });
            }
        });
        Self { addr, broker }
    }

    fn cut(&self) {
        self.broker.send_replace(None);
    }

    fn mend(&self, broker: SocketAddr) {
        self.broker.send_replace(Some(broker));
    }
}

async fn client(service: &Service, broker: SocketAddr, id: Option<&str>) -> Client {
    let builder = service.builder().mqtt(format!("mqtt://{broker}"));
    let builder = match id {
        Some(id) => builder.mqtt_client_id(id),
        None => builder,
    };
    builder.build().await.unwrap()
}

async fn send(service: &Service, client: &Client, ids: &[&str]) -> Outcomes {
    let batch: Vec<_> = ids.iter().map(|id| invoke(id)).collect();
    let outcomes = client.invoke(batch).await.unwrap();
    soon(service.received(1)).await;
    outcomes
}

async fn next(changes: &mut ChannelEvents) -> ChannelEvent {
    soon(changes.next_event()).await.unwrap()
}

#[tokio::test]
async fn outcomes_come_over_the_topic_and_retained_ones_do_not_count() {
    let (service, broker) = (Service::start([]).await, Broker::start().await);
    broker.publish(outcome("a", 1_000_204).to_string(), true).await;
    let client = client(&service, broker.addr, None).await;
    let outcomes = send(&service, &client, &["a"]).await;
    broker.publish(outcome("a", 0).to_string(), false).await;
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 1);
    own_outputs(&events);
    assert_eq!(client.stats().unreadable, 1, "the retained one is reported");
    soon(client.close()).await;
    assert!(service.connections().is_empty(), "the event stream is not used");
}

#[tokio::test]
async fn what_is_published_while_the_connection_is_down_comes_when_it_is_back() {
    let (service, broker) = (Service::start([]).await, Broker::start().await);
    let wire = Wire::to(broker.addr).await;
    let client = client(&service, wire.addr, None).await;
    let mut changes = client.channel_events();
    let outcomes = send(&service, &client, &["a", "b"]).await;
    broker.publish(outcome("a", 0).to_string(), false).await;
    wire.cut();
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    broker.publish(outcome("b", 0).to_string(), false).await;
    wire.mend(broker.addr);
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
    let (events, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 2);
    own_outputs(&events);
    assert_eq!(client.stats().gaps, 0);
    soon(client.close()).await;
}

#[tokio::test]
async fn a_broker_that_forgot_the_session_is_a_gap_and_is_subscribed_to_again() {
    let (service, broker) = (Service::start([]).await, Broker::start().await);
    let wire = Wire::to(broker.addr).await;
    let client = client(&service, wire.addr, None).await;
    let mut changes = client.channel_events();
    let outcomes = send(&service, &client, &["a"]).await;
    wire.cut();
    broker.stop().await;
    assert!(matches!(next(&mut changes).await, ChannelEvent::Disconnected { .. }));
    let broker = Broker::start().await;
    wire.mend(broker.addr);
    assert!(matches!(next(&mut changes).await, ChannelEvent::Connected { .. }));
    assert!(matches!(next(&mut changes).await, ChannelEvent::Gap { .. }));
    // Until the broker has the new subscription, messages are lost in the gap.
    let again = async {
        loop {
            broker.publish(outcome("a", 0).to_string(), false).await;
            tokio::task::yield_now().await;
            if client.stats().duplicate > 0 {
                return;
            }
        }
    };
    soon(again).await;
    let (_, summary) = settle(outcomes).await;
    assert_eq!(summary.succeeded, 1);
}

#[tokio::test]
async fn a_session_of_the_callers_own_outlives_the_client() {
    let (service, broker) = (Service::start([]).await, Broker::start().await);
    let first = client(&service, broker.addr, Some("mine")).await;
    soon(first.close()).await;
    let (_mine, mut eventloop) = connection(broker.addr, "mine", false);
    let ack = soon(async {
        loop {
            if let Event::Incoming(Packet::ConnAck(ack)) = eventloop.poll().await.unwrap() {
                return ack;
            }
        }
    });
    assert!(ack.await.session_present);
}

#[tokio::test]
async fn a_broker_that_is_not_there_is_named() {
    let service = Service::start([]).await;
    let (_port, addr) = reserve();
    let url = format!("mqtt://{addr}");
    let started = std::time::Instant::now();
    let error = service.builder().mqtt(&url).build().await.unwrap_err().to_string();
    assert!(error.contains(&url) && error.contains("check the URL"), "{error}");
    assert!(started.elapsed() < Duration::from_secs(5));
}

//! Connecting: many devices at once, logins, and error messages.
#![allow(missing_docs, reason = "tests")]

mod common;

use std::future::Future;
use std::net::{SocketAddr, TcpListener};
use std::pin::Pin;
use std::sync::Arc;

use common::{Probe, TestBroker, all_acknowledged, device};
use mqtt5::broker::{AuthProvider, AuthResult};
use mqtt5::packet::connect::ConnectPacket;
use mqtt5::types::ReasonCode;
use rumqttc::MqttOptions;
use setpoint_devices::{Behaviour, Broker, Command, Credentials, DeviceId, Error, Fleet, FleetOptions};

fn succeed(_: &Command) -> Behaviour {
    Behaviour::succeed()
}

/// Accepts a device only under its own client id, and allows it only its own topics.
struct OwnTopicsOnly;

type Answer<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl OwnTopicsOnly {
    fn owns(user: Option<&str>, topic: &str) -> bool {
        match user.and_then(|user| user.split_once('.')) {
            Some((product_key, device_key)) => topic.starts_with(&format!("/sys/{product_key}/{device_key}/")),
            None => user == Some("probe"),
        }
    }
}

impl AuthProvider for OwnTopicsOnly {
    fn authenticate<'a>(
        &'a self,
        connect: &'a ConnectPacket,
        _from: SocketAddr,
    ) -> Answer<'a, mqtt5::Result<AuthResult>> {
        let user = connect
            .username
            .clone()
            .filter(|user| *user == connect.client_id && connect.password.as_deref() == Some(b"secret"));
        Box::pin(async move {
            Ok(match user {
                Some(user) => AuthResult::success_with_user(user),
                None => AuthResult::fail(ReasonCode::BadUsernameOrPassword),
            })
        })
    }

    fn authorize_publish<'a>(&'a self, _client: &str, user: Option<&'a str>, topic: &'a str) -> Answer<'a, bool> {
        Box::pin(async move { Self::owns(user, topic) })
    }

    fn authorize_subscribe<'a>(&'a self, _client: &str, user: Option<&'a str>, filter: &'a str) -> Answer<'a, bool> {
        // Subscriptions of the product `closed` are refused.
        Box::pin(async move { Self::owns(user, filter) && !filter.contains("/closed/") })
    }
}

fn with_login(password: &'static str) -> FleetOptions {
    let mut options = FleetOptions::default();
    options.credentials = Some(Arc::new(move |device: &DeviceId| Credentials {
        username: device.client_id(),
        password: password.to_owned(),
    }));
    options
}

async fn connect_error(broker: Broker, devices: impl IntoIterator<Item = DeviceId>, options: FleetOptions) -> Error {
    Fleet::connect_with(broker, devices, succeed, options).await.unwrap_err()
}

fn assert_says(error: &Error, words: &[&str]) {
    let text = error.to_string();
    for word in words {
        assert!(text.contains(word), "`{word}` is missing: {text}");
    }
}

#[tokio::test]
async fn two_hundred_devices_each_answer_for_themselves() {
    let broker = TestBroker::start().await;
    let devices: Vec<_> = (0..200).map(device).collect();
    let fleet = Fleet::connect(broker.broker(), devices.clone(), succeed).await.unwrap();
    assert_eq!(fleet.devices(), devices);
    let mut probe = Probe::connect(broker.address).await;
    for (n, device) in devices.iter().enumerate() {
        probe.invoke(device, "x", &format!("m{n}"), &format!(r#"{{"n":{n}}}"#), "").await;
    }
    let mut seen = vec![false; devices.len()];
    for _ in &devices {
        let reply = probe.reply().await;
        let n = usize::try_from(reply.json()["data"]["n"].as_u64().unwrap()).unwrap();
        assert_eq!(reply.topic, format!("/sys/pk/dk-{n}/thing/service/x_reply"));
        assert_eq!(reply.id(), format!("m{n}"));
        assert!(!std::mem::replace(&mut seen[n], true), "{n} answered twice");
    }
    all_acknowledged(fleet.ledger()).await;
    let mut lines = Vec::new();
    fleet.ledger().write_ndjson(&mut lines).unwrap();
    assert_eq!(String::from_utf8(lines).unwrap().lines().count(), 200);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_burst_is_answered_completely() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0), device(1)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    let count = 2000;
    for n in 0..count {
        probe.send(&device(n % 2), "x", &format!("m{n}"), "{}");
    }
    let mut seen = std::collections::HashSet::new();
    while seen.len() < count {
        assert!(seen.insert(probe.reply().await.id()), "an answer came twice");
    }
    assert!(fleet.ledger().entries().iter().all(|entry| entry.executed.is_some()));
    assert_eq!(fleet.ledger().len(), count);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn logins_and_what_they_allow() {
    let anywhere = SocketAddr::from(([127, 0, 0, 1], 0));
    let broker = TestBroker::start_at(anywhere, Some(Arc::new(OwnTopicsOnly))).await;

    let refused = connect_error(broker.broker(), [device(0)], FleetOptions::default()).await;
    assert!(matches!(refused, Error::ConnectionRefused { .. }), "{refused:?}");
    assert_says(&refused, &["pk/dk-0", &broker.broker().to_string(), "credentials", "pk.dk-0"]);
    let refused = connect_error(broker.broker(), [device(0)], with_login("wrong")).await;
    assert!(matches!(refused, Error::ConnectionRefused { .. }), "{refused:?}");

    let closed = DeviceId::new("closed", "dk");
    let refused = connect_error(broker.broker(), [closed], with_login("secret")).await;
    assert!(matches!(refused, Error::SubscriptionRefused { .. }), "{refused:?}");
    assert_says(&refused, &["closed/dk", "/sys/closed/dk/thing/service/#"]);

    // An answer in the neighbour's name is not delivered; afterwards the device answers in its own name again.
    let plan = |command: &Command| match command.target.as_str() {
        "forNeighbour" => Behaviour::ForNeighbour,
        _ => Behaviour::succeed(),
    };
    let devices = [device(0), device(1)];
    let fleet = Fleet::connect_with(broker.broker(), devices, plan, with_login("secret")).await.unwrap();
    let mut options = MqttOptions::new("probe", ("127.0.0.1", broker.address.port()));
    options.set_credentials("probe", "secret");
    let mut probe = Probe::with(options).await;
    probe.invoke(&device(0), "forNeighbour", "m1", "{}", "").await;
    let gone = fleet
        .ledger()
        .wait_for(common::SOON, |ledger| ledger.by_message_id("m1").iter().any(|entry| entry.answers.len() == 1));
    assert!(gone.await);
    // The broker may or may not have closed the connection because of it; after a reboot both cases are the same.
    fleet.reboot(&device(0)).await.unwrap();
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn errors_name_the_device_the_broker_and_the_way_out() {
    // A port on which nothing listens.
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = connect_error(Broker::from(free), [device(0)], FleetOptions::default()).await;
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    assert_says(&error, &["pk/dk-0", &format!("mqtt://{free}"), "start the broker"]);

    // A listener that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut options = FleetOptions::default();
    options.connect_timeout_ms = 200;
    let error = connect_error(Broker::from(silent.local_addr().unwrap()), [device(0)], options).await;
    assert!(matches!(error, Error::TimedOut { after_ms: 200, .. }), "{error:?}");
    assert_says(&error, &["pk/dk-0", "200 ms"]);

    let nowhere = || Broker::from(("127.0.0.1", 1));
    let error = connect_error(nowhere(), [], FleetOptions::default()).await;
    assert!(matches!(error, Error::NoDevices), "{error:?}");
    let error = connect_error(nowhere(), [device(0), device(0)], FleetOptions::default()).await;
    assert!(matches!(error, Error::DuplicateDevice { .. }), "{error:?}");
    let bad = DeviceId::new("pk", "a/b");
    let error = connect_error(nowhere(), [bad], FleetOptions::default()).await;
    assert!(matches!(error, Error::BadDevice { .. }), "{error:?}");
    assert_says(&error, &["pk/a/b", "`/`"]);
    let mut options = FleetOptions::default();
    options.services = Some(vec!["x".to_owned(), "+".to_owned()]);
    let error = connect_error(nowhere(), [device(0)], options).await;
    assert!(matches!(error, Error::BadService { .. }), "{error:?}");
}

#[tokio::test]
async fn orders_to_unknown_and_unreachable_devices() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let error = fleet.set_offline(&device(9)).await.unwrap_err();
    assert!(matches!(error, Error::UnknownDevice { .. }), "{error:?}");
    fleet.set_offline(&device(0)).await.unwrap();
    broker.stop().await;
    let error = fleet.set_online(&device(0)).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable { .. }), "{error:?}");
    fleet.shutdown().await;
}

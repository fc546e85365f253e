//! A broker that goes away.

use serde_json::json;
use setpoint_gateway::{Config, Gateway};

use crate::support::{
    Device, FakeBroker, INVOKE, OPS, SET, Service, TestBroker, TopicReader, WRITE, config, http_client, invoke, within,
    write,
};

fn with_broker(url: String) -> Config {
    let mut config = config();
    config.mqtt.url = Some(url);
    config
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_and_outcomes_wait_for_the_broker_to_come_back() {
    let broker = TestBroker::start("127.0.0.1:0".parse().unwrap()).await;
    let service = Service::with(with_broker(broker.url())).await;
    assert_eq!(service.gateway.mqtt_addr(), None);
    assert_eq!(service.gateway.broker_url(), broker.url());
    let mut device = Device::connect(broker.addr, "p", "d1").await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let first = device.command().await;

    let addr = broker.stop().await;
    // The gateway has noticed when it says so.
    within("the loss", async { while service.send("GET", "/readyz", "").await.status != 503 {} }).await;
    assert_eq!(service.send("GET", "/healthz", "").await.status, 200);
    let mut short = write("w1");
    short["timeout"] = json!(50);
    assert_eq!(service.put(WRITE, json!([short])).await.statuses(), [0], "a broker that is away refuses nothing");
    assert_eq!(service.put(INVOKE, json!([invoke("r2")])).await.statuses(), [0]);
    let mut events = service.events(SET, Some("0")).await;
    let (unsent, _) = events.reply_after_gap().await;
    assert_eq!((&unsent["requestId"], &unsent["status"]), (&json!("w1"), &json!(1_000_203)));
    assert_eq!(service.gateway.stats().expired_unsent, 1);

    let broker = TestBroker::start(addr).await;
    let mut topic = TopicReader::subscribe(broker.addr, OPS).await;
    let mut device = Device::connect(broker.addr, "p", "d1").await;
    within("the return", service.gateway.ready()).await.unwrap();
    // r2 may have been handed over before the device was there: the broker keeps nothing for it.
    assert_eq!(service.put(INVOKE, json!([invoke("r3")])).await.statuses(), [0]);
    let third = loop {
        let command = device.command().await;
        assert_ne!(command.id(), first.id(), "a command is not sent again");
        device.succeed(&command, json!({})).await;
        if topic.reply().await["requestId"] == "r3" {
            break command;
        }
    };
    device.succeed(&first, json!({})).await;
    assert_eq!(topic.reply().await["requestId"], "r1", "an answer in time counts, whatever happened in between");
    assert_ne!(third.id(), first.id());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_may_have_been_sent_is_never_sent_again() {
    let mut broker = FakeBroker::start().await;
    let service = Service::with(with_broker(format!("mqtt://{}", broker.addr))).await;
    let mut item = invoke("r1");
    item["timeout"] = json!(1_000);
    assert_eq!(service.put(INVOKE, json!([item])).await.statuses(), [0]);
    assert_eq!(broker.message().await, "/sys/p/d1/thing/service/start");
    broker.cut();
    // Reconnected; what happens now is the outcome, which is sent until it is acknowledged.
    assert_eq!(broker.message().await, OPS);
    broker.cut();
    assert_eq!(broker.message().await, OPS);
    let stats = service.gateway.stats();
    assert_eq!((stats.timed_out, stats.expired_unsent, stats.failed), (1, 0, 0), "the outcome is unknown");
    assert_eq!(stats.outbox, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_to_a_device_that_deduplicates_is_sent_again() {
    let mut broker = FakeBroker::start().await;
    let mut config = with_broker(format!("mqtt://{}", broker.addr));
    config.devices[0].deduplicates = true;
    let service = Service::with(config).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    for _ in 0..3 {
        assert_eq!(broker.message().await, "/sys/p/d1/thing/service/start");
        broker.cut();
    }
    let stats = service.gateway.stats();
    assert_eq!((stats.accepted, stats.pending, stats.timed_out), (1, 1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_external_broker_is_reached_over_tls_if_its_certificate_is_trusted() {
    let dir = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let trusted = write("trusted.pem", &own.cert.pem());
    let key = write("key.pem", &own.signing_key.serialize_pem());
    let untrusted = write("untrusted.pem", &other.cert.pem());
    // The broker does not say which port it took for TLS.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let broker = TestBroker::start_with_tls(free, trusted.clone(), key).await;

    for protocol in ["3.1.1", "5"] {
        let mut config = with_broker(format!("mqtts://localhost:{}?protocol={protocol}", free.port()));
        config.mqtt.ca_file = Some(trusted.clone());
        let service = Service::with(config.clone()).await;
        let mut device = Device::connect(broker.addr, "p", "d1").await;
        assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
        device.command().await;

        config.mqtt.ca_file = Some(untrusted.clone());
        let gateway = Gateway::start(config).await.unwrap();
        let service = Service { gateway, http: http_client() };
        assert_eq!(service.send("GET", "/readyz", "").await.status, 503);
        let mut item = invoke("r1");
        item["timeout"] = json!(500);
        assert_eq!(service.put(INVOKE, json!([item])).await.statuses(), [0]);
        let mut events = service.events(OPS, Some("0")).await;
        let (reply, _) = events.reply_after_gap().await;
        assert_eq!(reply["status"], 1_000_203);
        assert_eq!(service.gateway.stats().expired_unsent, 1, "it was never connected");
        assert!(!device.has_more());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_without_its_broker_and_finds_it_later() {
    let broker = TestBroker::start("127.0.0.1:0".parse().unwrap()).await;
    let addr = broker.stop().await;
    let gateway = Gateway::start(with_broker(format!("mqtt://{addr}"))).await.unwrap();
    let service = Service { gateway, http: http_client() };
    service.send("GET", "/readyz", "").await.json()["devices"].as_bool().map(|up| assert!(!up)).unwrap();
    let broker = TestBroker::start(addr).await;
    within("the broker", service.gateway.ready()).await.unwrap();
    assert_eq!(service.send("GET", "/readyz", "").await.status, 200);
    drop(broker);
}

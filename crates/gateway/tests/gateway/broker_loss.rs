//! A broker that goes away.

use serde_json::json;
use setpoint_gateway::{Config, Gateway};

use crate::support::{
    Device, FakeBroker, INVOKE, OPS, SET, Service, TestBroker, TopicReader, WRITE, config, invoke, within, write,
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
async fn a_gateway_starts_without_its_broker_and_finds_it_later() {
    let broker = TestBroker::start("127.0.0.1:0".parse().unwrap()).await;
    let addr = broker.stop().await;
    let gateway = Gateway::start(with_broker(format!("mqtt://{addr}"))).await.unwrap();
    let service = Service { gateway, http: reqwest::Client::new() };
    service.send("GET", "/readyz", "").await.json()["devices"].as_bool().map(|up| assert!(!up)).unwrap();
    let broker = TestBroker::start(addr).await;
    within("the broker", service.gateway.ready()).await.unwrap();
    assert_eq!(service.send("GET", "/readyz", "").await.status, 200);
    drop(broker);
}

//! What happens when a bound is reached, seen by callers and by readers of channels.

use serde_json::json;
use setpoint_gateway::{ChannelEntry, DeviceEntry};

use crate::support::{
    Device, FakeBroker, INVOKE, OPS, ORG, Service, TestBroker, TopicReader, config, invoke, nonzero, within,
};

/// Sends items that end at once, one after the other, and waits until the outcome of each waits to be published.
async fn fill_outbox(service: &Service, channels: &[&str]) {
    for (n, channel) in channels.iter().enumerate() {
        let mut item = invoke(&format!("r{n}"));
        item["timeout"] = json!(1);
        item["controlChannelId"] = json!(channel);
        assert_eq!(service.put(INVOKE, json!([item])).await.statuses(), [0], "HTTP goes on accepting");
        within("the outcome", async {
            while service.gateway.stats().outbox != n + 1 {
                tokio::task::yield_now().await;
            }
        })
        .await;
    }
    service.put(INVOKE, json!([invoke("one-more")])).await.assert_refused(503, "Unavailable");
    assert_eq!(service.gateway.stats().accepted, channels.len() as u64, "nothing is taken that could not be kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_outbox_is_503_until_the_broker_is_back() {
    let broker = TestBroker::start("127.0.0.1:0".parse().unwrap()).await;
    let mut config = config();
    config.mqtt.url = Some(broker.url());
    config.engine.responder.outbox = nonzero(3);
    let service = Service::with(config).await;
    let addr = broker.stop().await;
    within("the loss", async { while service.send("GET", "/readyz", "").await.status != 503 {} }).await;
    fill_outbox(&service, &[OPS; 3]).await;

    let broker = TestBroker::start(addr).await;
    within("room", async { while service.gateway.stats().outbox != 0 {} }).await;
    assert_eq!(service.gateway.stats().published, 3);
    let mut device = Device::connect(broker.addr, "p", "d1").await;
    let mut topic = TopicReader::subscribe(broker.addr, OPS).await;
    assert_eq!(
        service.put(INVOKE, json!([invoke("one-more")])).await.statuses(),
        [0],
        "refused, so free to come again"
    );
    let command = device.command().await;
    device.succeed(&command, json!({})).await;
    assert_eq!(topic.reply().await["requestId"], "one-more");
}

#[tokio::test(flavor = "multi_thread")]
async fn outcomes_that_were_not_acknowledged_are_published_again_in_their_order() {
    let channels = [OPS, "DATASVC.CONTROL.second", "DATASVC.CONTROL.third"];
    let mut broker = FakeBroker::start().await;
    let mut config = config();
    config.mqtt.url = Some(format!("mqtt://{}", broker.addr));
    config.engine.responder.outbox = nonzero(3);
    config.channels.extend(channels[1..].iter().map(|id| ChannelEntry::new(ORG, *id)));
    let service = Service::with(config).await;
    fill_outbox(&service, &channels).await;
    for _ in 0..3 {
        let mut published = Vec::new();
        while published.len() < 3 {
            let topic = broker.message().await;
            if !topic.starts_with('/') {
                published.push(topic);
            }
        }
        assert_eq!(published, channels);
        broker.cut();
    }
    assert_eq!(service.gateway.stats().outbox, 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_org_that_floods_gets_429_and_another_gets_its_outcomes() {
    let mut config = config();
    config.engine.responder.pending_per_org = nonzero(10);
    config.engine.responder.dedup_per_org = nonzero(20);
    config.devices.push(DeviceEntry::new("o2", "p", "d4", "a4"));
    config.channels.push(ChannelEntry::new("o2", "DATASVC.CONTROL.other"));
    let service = Service::with(config).await;
    let mut device = service.device("p", "d4").await;
    let mut topic = service.topic("DATASVC.CONTROL.other").await;
    let mut refused = 0;
    for n in 0..20 {
        // A hundred times as much as the other: ten batches of ten items, none of which ever ends.
        for batch in 0..10 {
            let items: Vec<_> = (0..10).map(|item| invoke(&format!("{n}-{batch}-{item}"))).collect();
            let answer = service.put(INVOKE, json!(items)).await;
            match answer.status {
                200 => refused += answer.statuses().iter().filter(|status| **status == 1_000_207).count(),
                _ => {
                    answer.assert_refused(429, "");
                    refused += items.len();
                }
            }
        }
        let mut item = invoke(&format!("r{n}"));
        item["controlChannelId"] = json!("DATASVC.CONTROL.other");
        item["assetId"] = json!("a4");
        let other = "/dataService/devices/multiInvoke?orgId=o2";
        assert_eq!(service.put(other, json!([item])).await.statuses(), [0]);
        let command = device.command().await;
        device.succeed(&command, json!({ "n": n })).await;
        assert_eq!(topic.reply().await["outputData"], json!({ "n": n }));
    }
    assert_eq!(refused, 2_000 - 10, "its quota and no more");
}

//! Answers that must not count: of other devices, under unknown ids, and retained ones.

use serde_json::json;

use crate::support::{INVOKE, OPS, Service, TestBroker, config, invoke, within};

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_from_a_neighbours_topic_does_not_count() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let neighbour = service.device("p", "d2").await;
    let stranger = service.device("p", "d3").await;
    let mut topic = service.topic(OPS).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let command = device.command().await;
    let forged = json!({ "id": command.id(), "code": 200, "data": { "forged": true } }).to_string();
    neighbour.publish("/sys/p/d2/thing/service/start_reply", &forged).await;
    stranger.publish("/sys/p/d3/thing/service/start_reply", &forged).await;
    neighbour.publish("/sys/p/d1/thing/service/stop_reply", &forged).await;
    neighbour.publish("/sys/p/d1/thing/service/measurepoint/set_reply", &forged).await;
    let unknown = json!({ "id": "0123456789abcdef0123456789abcdef", "code": 200 }).to_string();
    device.publish(&command.reply_topic(), &unknown).await;
    device.publish(&command.reply_topic(), "{\"id\":").await;
    device.succeed(&command, json!({ "forged": false })).await;
    let reply = topic.reply().await;
    assert_eq!((&reply["status"], &reply["outputData"]), (&json!(0), &json!({ "forged": false })));
    let stats = service.gateway.stats();
    assert_eq!((stats.wrong_device, stats.unknown, stats.unreadable), (4, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_answers_are_ignored() {
    let broker = TestBroker::start("127.0.0.1:0".parse().unwrap()).await;
    let planted = json!({ "id": "0123456789abcdef0123456789abcdef", "code": 200 }).to_string();
    let planter = crate::support::Device::connect(broker.addr, "p", "d2").await;
    planter.publish_retained("/sys/p/d1/thing/service/start_reply", &planted).await;
    let mut config = config();
    config.mqtt.url = Some(broker.url());
    let service = Service::with(config).await;
    let mut device = crate::support::Device::connect(broker.addr, "p", "d1").await;
    let mut topic = crate::support::TopicReader::subscribe(broker.addr, OPS).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let command = device.command().await;
    device.succeed(&command, json!({})).await;
    assert_eq!(topic.reply().await["status"], 0);
    let metrics = service.send("GET", "/metrics", "").await.text;
    assert!(metrics.contains("setpoint_device_messages_ignored_total{reason=\"retained\"} 1"), "{metrics}");
    assert_eq!(service.gateway.stats().unknown, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_foreign_answers_leaves_the_real_ones_alone() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let neighbour = service.device("p", "d2").await;
    let mut topic = service.topic(OPS).await;
    let flood = tokio::spawn(async move {
        for n in 0..2_000_u32 {
            let unknown = json!({ "id": format!("{n:032x}"), "code": 200 }).to_string();
            neighbour.publish("/sys/p/d2/thing/service/start_reply", &unknown).await;
        }
    });
    for n in 0..20 {
        assert_eq!(service.put(INVOKE, json!([invoke(&format!("r{n}"))])).await.statuses(), [0]);
        let command = device.command().await;
        device.succeed(&command, json!({ "n": n })).await;
        assert_eq!(topic.reply().await["outputData"]["n"], n);
    }
    within("the flood", flood).await.unwrap();
    // Of the same connection and the same queue: once it is counted, so is the flood before it.
    assert_eq!(service.gateway.stats().succeeded, 20);
}

//! Batches, from the call to the outcome.

use std::time::Duration;

use serde_json::{Value, json};
use setpoint_gateway::{DeviceEntry, MqttProtocol, ServiceEntry};
use tokio::time::Instant;

use crate::support::{INVOKE, OPS, SET, Service, WRITE, config, invoke, within, write};

#[tokio::test(flavor = "multi_thread")]
async fn an_invoke_is_answered_at_once_and_its_outcome_reaches_both_readers() {
    for protocol in [MqttProtocol::V5, MqttProtocol::V311] {
        let mut config = config();
        config.mqtt.protocol = Some(protocol);
        round_trip(Service::with(config).await).await;
    }
}

async fn round_trip(service: Service) {
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let mut events = service.events(OPS, None).await;
    assert_eq!(events.block().await.unwrap().comment.as_deref(), Some("ready"));

    let reply = service.put(INVOKE, json!([invoke("r1")])).await;
    assert_eq!(reply.header("content-type"), Some("application/json"));
    let item = &reply.items()[0];
    assert_eq!((&item["status"], &item["msg"], &item["submsg"]), (&json!(0), &json!("SUCCESS"), &Value::Null));
    assert_eq!((&item["productKey"], &item["deviceKey"], &item["assetId"]), (&json!("p"), &json!("d1"), &json!("a1")));

    let command = device.command().await;
    assert_eq!(command.topic, "/sys/p/d1/thing/service/start");
    assert_eq!(command.payload["params"], json!({ "ramp": 30 }));
    assert_eq!(command.payload["method"], "thing.service.start");
    assert_ne!(command.id(), "r1");
    device.succeed(&command, json!({ "speed": 12.50 })).await;

    let on_topic = topic.reply().await;
    let (on_stream, _) = events.reply().await;
    assert_eq!(on_topic, on_stream);
    assert_eq!((&on_topic["requestId"], &on_topic["status"]), (&json!("r1"), &json!(0)));
    assert_eq!(on_topic["outputData"], json!({ "speed": 12.50 }));
    assert!(on_topic["gmtDeviceReply"].as_i64().unwrap() > 0);
    service.gateway.shutdown().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_goes_the_same_way_on_its_own_topics() {
    let service = Service::start().await;
    let mut device = service.device("p", "d2").await;
    let mut topic = service.topic(SET).await;
    assert_eq!(service.put(WRITE, json!([write("w1")])).await.statuses(), [0]);
    let command = device.command().await;
    assert_eq!(command.topic, "/sys/p/d2/thing/service/measurepoint/set");
    assert_eq!(command.payload["params"], json!({ "speed": 1.50 }));
    let refusal = json!({ "id": command.id(), "code": 2001, "message": "brake is on" }).to_string();
    device.publish(&command.reply_topic(), &refusal).await;
    let reply = topic.reply().await;
    assert_eq!((&reply["requestId"], &reply["status"]), (&json!("w1"), &json!(1_000_205)));
    let submsg = reply["submsg"].as_str().unwrap();
    assert!(submsg.contains("2001") && submsg.contains("brake is on"), "{submsg}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_later_names_of_the_calls_do_the_same() {
    let service = Service::start().await;
    let path = |action: &str| format!("/edge-service/v1/commands?action={action}&orgId=o1");
    assert_eq!(service.put(&path("invokeServiceAsync"), json!([invoke("r1")])).await.statuses(), [0]);
    assert_eq!(service.put(&path("setMeasurepointAsync"), json!([write("r1")])).await.statuses(), [0]);
    service.put(&path("somethingElse"), json!([invoke("r2")])).await.assert_refused(400, "action");
    service.put("/edge-service/v1/commands?orgId=o1", json!([])).await.assert_refused(400, "action");
    let doubled = "/edge-service/v1/commands?action=invokeServiceAsync&action=setMeasurepointAsync&orgId=o1";
    service.put(doubled, json!([])).await.assert_refused(400, "action");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_item_has_its_own_verdict_in_the_order_of_the_request() {
    let service = Service::start().await;
    let mut unknown = invoke("r2");
    unknown["assetId"] = json!("nobody");
    let mut no_channel = invoke("r3");
    no_channel["controlChannelId"] = json!("DATASVC.CONTROL.other");
    let reply = service.put(INVOKE, json!([invoke("r1"), unknown, no_channel, 5, invoke("r4")])).await;
    assert_eq!(reply.statuses(), [0, 1_000_201, 1_000_103, 1_000, 0]);
    assert_eq!(reply.json()["status"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_silent_device_is_a_timeout_not_before_its_deadline_and_soon_after() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let mut item = invoke("r1");
    item["timeout"] = json!(400);
    let sent = Instant::now();
    assert_eq!(service.put(INVOKE, json!([item])).await.statuses(), [0]);
    let command = device.command().await;
    let reply = topic.reply().await;
    let took = sent.elapsed();
    assert_eq!((&reply["status"], &reply["msg"]), (&json!(1_000_203), &json!("timeout")));
    assert!(took >= Duration::from_millis(400), "{took:?}");
    assert!(took < Duration::from_millis(1_400), "{took:?}");

    device.succeed(&command, json!({})).await;
    let mut next = invoke("r2");
    next["timeout"] = json!(400);
    assert_eq!(service.put(INVOKE, json!([next])).await.statuses(), [0]);
    assert_eq!(topic.reply().await["requestId"], "r2", "a late answer changes nothing");
    assert_eq!(service.gateway.stats().late, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn commands_reach_a_device_in_the_order_of_the_batch() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let items: Vec<Value> = (0..50)
        .map(|n| {
            let mut item = invoke(&format!("r{n}"));
            item["inputData"] = json!({ "n": n });
            item
        })
        .collect();
    let accepted = service.put(INVOKE, json!(items)).await.statuses();
    assert_eq!(accepted, [0; 50]);
    for n in 0..50 {
        assert_eq!(device.command().await.payload["params"]["n"], n);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_sent_many_times_at_once_is_dispatched_once_and_answered_alike() {
    let service = Service::start().await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let replies = futures_util::future::join_all(
        (0..40).map(|_| service.put(INVOKE, json!([invoke("r1"), invoke("r2"), { "requestId": "r3" }]))),
    )
    .await;
    for reply in &replies {
        assert_eq!(reply.statuses(), [0, 0, 1_000]);
        for n in 0..2 {
            assert_eq!(reply.items()[n], replies[0].items()[n], "accepted items are answered alike");
        }
    }
    for _ in 0..2 {
        let command = device.command().await;
        device.succeed(&command, json!({})).await;
    }
    topic.replies(2).await;
    assert!(!device.has_more(), "each command came once");
    let stats = service.gateway.stats();
    assert_eq!((stats.accepted, stats.repeated), (2, 78));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_known_model_refuses_what_it_does_not_name() {
    let mut config = config();
    let mut device = DeviceEntry::new("o1", "p", "d9", "a9");
    device.services = Some(vec![ServiceEntry::Named { id: "start".into(), name: "Start it".into() }]);
    device.measurepoints = Some(vec![]);
    config.devices.push(device);
    let service = Service::with(config).await;
    let on = |service_id: &str| {
        let mut item = invoke(service_id);
        item["assetId"] = json!("a9");
        item["serviceId"] = json!(service_id);
        item
    };
    let reply = service.put(INVOKE, json!([on("start"), on("explode")])).await;
    assert_eq!(reply.statuses(), [0, 1_000_213]);
    assert_eq!(reply.items()[0]["serviceName"], "Start it");
    let mut item = write("w1");
    item["deviceKey"] = json!("d9");
    assert_eq!(service.put(WRITE, json!([item])).await.statuses(), [1_000_213]);
}

#[tokio::test(flavor = "multi_thread")]
async fn over_mqtt_5_a_command_also_carries_its_expiry() {
    use rumqttc_v5::{AsyncClient, Event, MqttOptions, Packet, QoS};
    let mut config = config();
    config.mqtt.protocol = Some(MqttProtocol::V5);
    let service = Service::with(config).await;
    let addr = service.gateway.mqtt_addr().unwrap();
    let options = MqttOptions::new("listener", (addr.ip().to_string(), addr.port()));
    let (client, mut driver) = AsyncClient::builder(options).capacity(10).build();
    let (arrived, mut commands) = tokio::sync::mpsc::unbounded_channel();
    let listening = tokio::spawn(async move {
        while let Ok(event) = driver.poll().await {
            if let Event::Incoming(Packet::Publish(publish)) = event
                && arrived.send(publish).is_err()
            {
                return;
            }
        }
    });
    let notice = client.subscribe_tracked("/sys/p/d1/thing/service/start", QoS::AtLeastOnce).await.unwrap();
    within("a subscription", notice.wait_completion_async()).await.unwrap();
    let mut topic = service.topic(OPS).await;

    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let command = within("a command", commands.recv()).await.unwrap();
    let expiry_s = command.properties.unwrap().message_expiry_interval.unwrap();
    assert!((15..=20).contains(&expiry_s), "{expiry_s} of 20 s");
    let payload: Value = serde_json::from_slice(&command.payload).unwrap();
    assert!(payload["timeout"].as_u64().unwrap() <= 20_000);
    let device = service.device("p", "d1").await;
    let answer = json!({ "id": payload["id"], "code": 200 }).to_string();
    device.publish("/sys/p/d1/thing/service/start_reply", &answer).await;
    assert_eq!(topic.reply().await["status"], 0);
    listening.abort();
}

//! Start, health and end.

use std::net::TcpListener;

use serde_json::json;
use setpoint_gateway::{ChannelEntry, Config, DeviceEntry, Gateway, StartError};
use tokio::net::TcpStream;

use crate::support::{INVOKE, OPS, Service, config, invoke, within};

#[tokio::test(flavor = "multi_thread")]
async fn operators_see_how_it_is() {
    let service = Service::start().await;
    assert_eq!(service.send("GET", "/healthz", "").await.json(), json!({ "healthy": true, "reason": null }));
    let ready = service.send("GET", "/readyz", "").await;
    assert_eq!(ready.json(), json!({ "ready": true, "accepting": true, "devices": true, "channels": true }));
    service.put(INVOKE, json!([invoke("r1"), { "requestId": "r2" }])).await;
    service.send("GET", "/no/such/route?secret", "").await;
    let metrics = service.send("GET", "/metrics", "").await;
    assert!(metrics.header("content-type").unwrap().starts_with("application/openmetrics-text"));
    for line in [
        "setpoint_items_accepted_total 1",
        "setpoint_items_refused_total 1",
        "setpoint_items_pending 1",
        "setpoint_mqtt_link_up{link=\"devices\"} 1",
        "setpoint_http_requests_total{route=\"/dataService/devices/multiInvoke\",method=\"PUT\",status=\"200\"} 1",
        "setpoint_http_requests_total{route=\"none\",method=\"any\",status=\"404\"} 1",
        "setpoint_http_request_seconds_count{route=\"/dataService/devices/multiInvoke\"} 1",
        "setpoint_http_connections ",
    ] {
        assert!(metrics.text.contains(line), "{line} in\n{}", metrics.text);
    }
    assert!(!metrics.text.contains("no/such"), "what clients write makes no series");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_shutdown_ends_streams_and_frees_the_ports() {
    let service = Service::start().await;
    let (http, mqtt) = (service.gateway.http_addr(), service.gateway.mqtt_addr().unwrap());
    let mut device = service.device("p", "d1").await;
    let mut events = service.events(OPS, None).await;
    let mut topic = service.topic(OPS).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    let command = device.command().await;
    device.succeed(&command, json!({})).await;
    assert_eq!(topic.reply().await["requestId"], "r1");
    within("the end", service.gateway.shutdown()).await.unwrap();
    assert_eq!(events.reply().await.0["requestId"], "r1");
    assert_eq!(events.block().await, None, "no outcome is made up for what is pending");
    for addr in [http, mqtt] {
        assert!(TcpStream::connect(addr).await.is_err(), "{addr} is closed");
        TcpListener::bind(addr).unwrap_or_else(|error| panic!("{addr} is free: {error}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn dropping_a_gateway_ends_it() {
    let service = Service::start().await;
    let mut events = service.events(OPS, None).await;
    drop(service);
    while events.block().await.is_some() {}
}

#[tokio::test(flavor = "multi_thread")]
async fn many_gateways_live_in_one_process() {
    let services = futures_util::future::join_all((0..5).map(|_| Service::start())).await;
    for service in &services {
        assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
        assert_eq!(service.gateway.stats().accepted, 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn devices_and_channels_are_added_while_it_runs() {
    let mut config = Config::default();
    config.http.listen.set_port(0);
    config.mqtt.listen.set_port(0);
    let service = Service::with(config).await;
    let directory = service.gateway.directory();
    service.put(INVOKE, json!([invoke("r1")])).await.assert_refused(400, "orgId");
    directory.add_org("o1").unwrap();
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [1_000_103]);
    directory.create_channel("o1", OPS, Some("operations")).await.unwrap();
    assert!(directory.create_channel("o1", OPS, None).await.unwrap_err().to_string().contains("exists"));
    assert!(directory.create_channel("o9", "DATASVC.SET.a", None).await.unwrap_err().to_string().contains("o9"));
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [1_000_201]);
    directory.add_device(&DeviceEntry::new("o1", "p", "d1", "a1")).unwrap();
    assert!(directory.add_device(&DeviceEntry::new("o1", "p", "d1", "a1")).is_err());
    assert_eq!(directory.device_count(), 1);
    let mut device = service.device("p", "d1").await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    device.command().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_list_may_be_a_file() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("devices.csv");
    std::fs::write(&path, "orgId,productKey,deviceKey,assetId,services\no1,p,d1,a1,start\n").unwrap();
    let mut config = config();
    config.devices.clear();
    config.devices_file = Some(path.clone());
    let service = Service::with(config.clone()).await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    std::fs::write(&path, "orgId,productKey,deviceKey,assetId\no1,p,d1,a1\no1,p,d1,a2\n").unwrap();
    let message = Gateway::start(config).await.unwrap_err().to_string();
    assert!(message.contains("devices.csv, line 3, deviceKey"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_work_is_no_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = taken.local_addr().unwrap();
    type Break = fn(&mut Config, std::net::SocketAddr);
    let breaks: [(Break, &str); 6] = [
        (|config, addr| config.http.listen = addr, "http.listen"),
        (|config, addr| config.mqtt.listen = addr, "mqtt.listen"),
        (|config, _| config.http.listen = "0.0.0.0:0".parse().unwrap(), "allow_unauthenticated_network"),
        (|config, _| config.mqtt.url = Some("tcp://x".into()), "mqtt.url"),
        (|config, _| config.channels.push(ChannelEntry::new("o9", "DATASVC.SET.x")), "o9"),
        (|config, _| config.devices.push(DeviceEntry::new("o1", "p", "d1", "a9")), "device 4"),
    ];
    for (break_it, part) in breaks {
        let mut config = config();
        break_it(&mut config, addr);
        let error = Gateway::start(config).await.unwrap_err();
        assert!(error.to_string().contains(part), "{part} in {error}");
        if part.ends_with("listen") {
            assert!(matches!(error, StartError::Listen { .. }), "{error:?}");
        }
    }
}

//! Event streams.

use serde_json::json;

use crate::support::{INVOKE, OPS, Service, config, invoke, nonzero};

/// Brings about this many outcomes on the invoke channel, one after the other.
async fn outcomes(service: &Service, names: &[&str]) {
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    for name in names {
        assert_eq!(service.put(INVOKE, json!([invoke(name)])).await.statuses(), [0]);
        let command = device.command().await;
        device.succeed(&command, json!({})).await;
        assert_eq!(topic.reply().await["requestId"], *name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_resumes_where_it_was() {
    let service = Service::start().await;
    let mut first = service.events(OPS, None).await;
    let opening = first.block().await.unwrap();
    assert_eq!((opening.comment.as_deref(), opening.data), (Some("ready"), None));
    let start = opening.id.unwrap();
    outcomes(&service, &["r1", "r2", "r3"]).await;
    let (reply, after_r1) = first.reply().await;
    assert_eq!(reply["requestId"], "r1");
    drop(first);

    let mut second = service.events(OPS, Some(&after_r1)).await;
    for name in ["r2", "r3"] {
        assert_eq!(second.reply().await.0["requestId"], name);
    }
    let mut third = service.events(OPS, Some(&start)).await;
    for name in ["r1", "r2", "r3"] {
        assert_eq!(third.reply().await.0["requestId"], name);
    }
    let mut fresh = service.events(OPS, None).await;
    assert!(fresh.block().await.unwrap().id.unwrap().ends_with("-3"), "a new reader starts with what is to come");
    outcomes(&service, &["r4"]).await;
    for reader in [&mut second, &mut third, &mut fresh] {
        assert_eq!(reader.reply().await.0["requestId"], "r4");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_longer_kept_is_a_gap() {
    let mut config = config();
    config.events.retained_messages = nonzero(2);
    let service = Service::with(config).await;
    let mut early = service.events(OPS, None).await;
    let start = early.block().await.unwrap().id.unwrap();
    outcomes(&service, &["r1", "r2", "r3"]).await;
    for id in [start.as_str(), "0", "0123456789abcdef-1", "nonsense"] {
        let mut reader = service.events(OPS, Some(id)).await;
        let gap = reader.event().await;
        assert_eq!(gap.kind.as_deref(), Some("gap"), "{id}");
        assert_eq!(gap.id, None, "a gap is no place to resume from");
        for name in ["r2", "r3"] {
            assert_eq!(reader.reply().await.0["requestId"], name);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_quiet_stream_shows_signs_of_life_and_ends_with_its_channel() {
    let mut config = config();
    config.events.heartbeat_ms = nonzero(20);
    let service = Service::with(config).await;
    let mut reader = service.events(OPS, None).await;
    assert_eq!(reader.block().await.unwrap().comment.as_deref(), Some("ready"));
    for _ in 0..3 {
        assert_eq!(reader.block().await.unwrap().comment.as_deref(), Some(""));
    }
    let deleted = service.send("DELETE", &format!("/dataService/controlChannels/{OPS}?orgId=o1"), "").await;
    assert_eq!(deleted.status, 200);
    while let Some(block) = reader.block().await {
        assert_eq!(block.data, None);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn streams_are_bounded_in_number_and_counted() {
    let mut config = config();
    config.events.max_streams = nonzero(2);
    let service = Service::with(config).await;
    let _one = service.events(OPS, None).await;
    let _two = service.events(OPS, None).await;
    let path = format!("/channels/{OPS}/events?orgId=o1");
    service.send("GET", &path, "").await.assert_refused(503, "Service Unavailable");
    let metrics = service.send("GET", "/metrics", "").await.text;
    assert!(metrics.contains("setpoint_event_streams 2"), "{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_names_an_org_and_a_channel_of_it() {
    let service = Service::start().await;
    for (path, status) in [
        (format!("/channels/{OPS}/events"), 400),
        (format!("/channels/{OPS}/events?orgId=nobody"), 400),
        (format!("/channels/{OPS}/events?orgId=o1&orgId=o1"), 400),
        ("/channels/DATASVC.CONTROL.none/events?orgId=o1".to_owned(), 404),
        ("/channels/ops/events?orgId=o1".to_owned(), 404),
        ("/channels/%ff/events?orgId=o1".to_owned(), 404),
    ] {
        let reply = service.send("GET", &path, "").await;
        assert_eq!(reply.status, status, "{path}: {reply:?}");
        assert!(reply.json()["submsg"].is_string(), "{path}: {reply:?}");
    }
}

//! The store, and what a restart finds.

use serde_json::json;
use setpoint::responder::AuditRecord;
use setpoint_gateway::{
    Gateway, GatewayError, StartError,
    setpoint_store::{AuditEntry, Entry},
};

use crate::support::{INVOKE, OPS, Service, SharedStore, config, error_chain, failing_store, invoke, within};

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_takes_up_where_the_store_ends() {
    let store = SharedStore::default();
    let service = Service::with_store(config(), store.clone()).await;
    let mut device = service.device("p", "d1").await;
    let created = json!({ "controlChannelId": "DATASVC.CONTROL.later", "desc": "kept" }).to_string();
    assert_eq!(service.send("POST", "/dataService/controlChannels?orgId=o1", &created).await.status, 200);
    let answer = service.put(INVOKE, json!([invoke("r1"), invoke("r2")])).await;
    assert_eq!(answer.statuses(), [0, 0]);
    let first = device.command().await;
    let second = device.command().await;
    let mut topic = service.topic(OPS).await;
    device.succeed(&first, json!({ "n": 1 })).await;
    assert_eq!(topic.reply().await["requestId"], "r1");
    service.gateway.shutdown().await.unwrap();

    let service = Service::with_store(config(), store.clone()).await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let again = service.put(INVOKE, json!([invoke("r1"), invoke("r2")])).await;
    assert_eq!(again.json(), answer.json(), "the original answer");
    device.succeed(&second, json!({ "n": 2 })).await;
    // Whoever repeats an item whose final is out may have missed it: it comes once more.
    let mut replies = topic.replies(2).await;
    replies.sort_by_key(|reply| reply["requestId"].to_string());
    for (n, reply) in (1..).zip(&replies) {
        assert_eq!((&reply["requestId"], &reply["outputData"]), (&json!(format!("r{n}")), &json!({ "n": n })));
    }
    assert!(!device.has_more(), "nothing is dispatched again");
    let kept = service.send("GET", "/dataService/controlChannels/DATASVC.CONTROL.later?orgId=o1", "").await;
    assert_eq!(kept.json()["data"]["desc"], "kept");
    let pre_created = store.entries().iter().filter(|entry| matches!(entry, Entry::Channel(_))).count();
    assert_eq!(pre_created, 3, "the channels of the configuration are stored once");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_is_audited_and_is_no_part_of_the_state() {
    let store = SharedStore::default();
    let service = Service::with_store(config(), store.clone()).await;
    let mut device = service.device("p", "d1").await;
    let mut topic = service.topic(OPS).await;
    let mut hasty = invoke("r1");
    hasty["timeout"] = json!(50);
    assert_eq!(service.put(INVOKE, json!([hasty])).await.statuses(), [0]);
    let command = device.command().await;
    assert_ne!(topic.reply().await["status"], 0, "it timed out");
    device.succeed(&command, json!({})).await;
    // An answer after it: when that has come through, the late one has too.
    assert_eq!(service.put(INVOKE, json!([invoke("r2")])).await.statuses(), [0]);
    let command = device.command().await;
    device.succeed(&command, json!({})).await;
    assert_eq!(topic.reply().await["requestId"], "r2");
    service.gateway.shutdown().await.unwrap();
    let audit = store.audit_entries();
    let [AuditEntry::Engine(AuditRecord::Late { device_code, .. })] = &audit[..] else { panic!("{audit:?}") };
    assert_eq!(*device_code, Some(200));
    Service::with_store(config(), store).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_fails_stops_the_gateway_before_anything_is_answered() {
    let store = SharedStore::default();
    let service = Service::with_store(config(), store.clone()).await;
    let mut device = service.device("p", "d1").await;
    assert_eq!(service.put(INVOKE, json!([invoke("r1")])).await.statuses(), [0]);
    // With the command handed over, the next write is that of the next batch.
    device.command().await;
    store.break_it();
    // It may have been stored all the same: this is no 503, which would promise that it was not.
    service.put(INVOKE, json!([invoke("r2")])).await.assert_refused(500, "internal error");
    let error = within("the end", service.gateway.wait()).await.unwrap_err();
    assert!(matches!(error, GatewayError::Store(_)), "{error:?}");
    assert_eq!(error_chain(&error), "the store failed: no space left on device");
    assert_eq!(error_chain(&service.gateway.shutdown().await.unwrap_err()), error_chain(&error));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_channel_call_that_cannot_be_stored_is_not_answered_with_success() {
    let store = SharedStore::default();
    let service = Service::with_store(config(), store.clone()).await;
    store.break_it();
    let created = json!({ "controlChannelId": "DATASVC.CONTROL.x" }).to_string();
    let reply = service.send("POST", "/dataService/controlChannels?orgId=o1", &created).await;
    reply.assert_refused(500, "internal error");
    within("the end", service.gateway.wait()).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_cannot_be_read_is_no_start() {
    let error = Gateway::start_with_store(config(), failing_store()).await.unwrap_err();
    assert!(matches!(error, StartError::Store(_)), "{error:?}");
    assert!(error_chain(&error).contains("entry 7 is damaged"), "{error}");
}

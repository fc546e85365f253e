//! What can go wrong, one test each; the names say what must then happen.

use serde_json::json;

use crate::{Family, limits::at_least_1, submsg};

use super::super::{Attribution, HandedOver, Record, ResponderConfig, WriteId};
use super::harness::{CHANNEL, Rig, WRITES, item};

#[test]
fn an_invoke_goes_to_its_device_and_its_outcome_to_its_channel() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.statuses(), [0]);
    let sent = rig.sent[0].clone();
    assert_eq!(sent.topic, "/sys/p/d1/thing/service/s");
    assert_eq!(sent.payload["params"], json!({ "unique": "r1" }));
    assert_eq!((&sent.payload["timeout"], &sent.payload["deadline"]), (&json!(1_000), &json!(1_700_000_001_000_i64)));
    rig.pass(40);
    assert_eq!(rig.answer(&sent, 200, json!({ "rpm": 12 })), Attribution::Succeeded);
    let reply = &rig.published[0];
    assert_eq!(
        (&reply["requestId"], &reply["status"], &reply["outputData"], &reply["submsg"], &reply["gmtDeviceReply"]),
        (&json!("r1"), &json!(0), &json!({ "rpm": 12 }), &json!("SUCCESS"), &json!(1_700_000_000_040_i64))
    );
    assert_eq!((rig.responder.stats().pending, rig.responder.stats().outbox), (0, 0));
    assert_eq!(rig.responder.pending_on_channel("o1", Family::Invoke, CHANNEL), 0);
}

#[test]
fn a_write_carries_its_one_value_under_the_measure_point() {
    let mut rig = Rig::new();
    let body = json!({ "data": [{
        "requestId": "w", "setMeasurepointChannelId": WRITES, "productKey": "p", "deviceKey": "d2",
        "measurepointId": "speed", "inputData": { "arg": 1.0 },
    }] });
    rig.batch("o1", Family::Write, &body.to_string());
    let sent = rig.sent[0].clone();
    assert_eq!(sent.topic, "/sys/p/d2/thing/service/measurepoint/set");
    assert_eq!(sent.payload["params"], json!({ "speed": 1.0 }));
    assert_eq!(rig.answer(&sent, 2001, json!(null)), Attribution::Failed);
    let reply = &rig.published[0];
    assert_eq!((&reply["status"], &reply["submsg"]), (&json!(1_000_205), &json!("device code 2001")));
}

#[test]
fn nothing_is_answered_before_it_is_stored_and_nothing_sent_before_its_intent_is() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    assert!(rig.answers.is_empty() && rig.sent.is_empty());
    let (write, _) = rig.unstored[0];
    rig.responder.handle_persisted(write, rig.now);
    rig.drain();
    assert_eq!(rig.answers.len(), 1);
    assert!(rig.sent.is_empty(), "sent before its intent was stored");
    rig.confirm_writes();
    assert_eq!(rig.sent.len(), 1);
}

#[test]
fn a_final_is_published_only_once_it_is_stored() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.store_confirms = false;
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    assert!(rig.published.is_empty());
    rig.confirm_writes();
    assert_eq!(rig.published.len(), 1);
}

#[test]
fn a_confirmation_of_a_write_that_was_never_handed_out_confirms_nothing() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.responder.handle_persisted(WriteId(u64::MAX), rig.now);
    rig.invoke(json!([item("r1", 1)]));
    assert!(rig.answers.is_empty());
}

#[test]
fn a_confirmation_confirms_nothing_that_was_not_handed_out_before_it() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    let body = json!({ "data": [item("r1", 1)] }).to_string();
    let batch = rig.read("o1", Family::Invoke, &body);
    rig.responder.handle_batch(batch, rig.now);
    rig.responder.handle_persisted(WriteId(1), rig.now);
    rig.drain();
    assert!(rig.answers.is_empty(), "the store did not even have its records");
    rig.confirm_writes();
    assert_eq!((rig.answers.len(), rig.sent.len()), (1, 1));
}

#[test]
fn an_answer_counts_only_from_the_very_device_and_service_it_was_sent_to() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    let id = rig.sent[0].message_id;
    let payload = json!({ "id": id.to_string(), "code": 200 }).to_string();
    for topic in [
        "/sys/p/d2/thing/service/s_reply",
        "/sys/q/d1/thing/service/s_reply",
        "/sys/p/d1/thing/service/t_reply",
        "/sys/p/d1/thing/service/measurepoint/set_reply",
        "/sys/p/e1/thing/service/s_reply",
    ] {
        assert_eq!(rig.say(topic, &payload), Attribution::WrongDevice, "{topic}");
    }
    assert!(rig.published.is_empty());
    assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", &payload), Attribution::Succeeded);
}

#[test]
fn repeated_contradicting_and_unknown_answers_change_nothing() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let sent = rig.sent[0].clone();
    assert_eq!(rig.answer(&sent, 200, json!({})), Attribution::Succeeded);
    for _ in 0..4 {
        assert_eq!(rig.answer(&sent, 200, json!({})), Attribution::Duplicate);
    }
    assert_eq!(rig.answer(&sent, 2000, json!({})), Attribution::Conflict);
    assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", r#"{"id":"nobody's","code":200}"#), Attribution::Unknown);
    assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", "\u{feff}"), Attribution::Unreadable);
    assert_eq!(rig.finals()["r1"], [0]);
}

#[test]
fn an_answer_after_the_timeout_is_late_once_and_changes_nothing() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let sent = rig.sent[0].clone();
    rig.pass(999);
    assert!(rig.published.is_empty(), "fired early");
    rig.pass(1);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
    assert_eq!(rig.published[0]["submsg"], submsg::TIMED_OUT);
    assert_eq!(rig.published[0]["gmtDeviceReply"], -1);
    assert_eq!(rig.answer(&sent, 200, json!({})), Attribution::Late);
    assert_eq!(rig.answer(&sent, 200, json!({})), Attribution::Duplicate);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
    assert_eq!((rig.responder.stats().late, rig.responder.stats().duplicate), (1, 1));
}

#[test]
fn garbage_under_the_right_id_is_a_failure_and_says_why() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let payload = json!({ "id": rig.sent[0].message_id.to_string(), "code": "fine" }).to_string();
    assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", &payload), Attribution::Failed);
    assert_eq!(rig.finals()["r1"], [1_000_204]);
    let submsg = rig.published[0]["submsg"].as_str().unwrap();
    assert!(submsg.contains("code"), "{submsg}");
}

#[test]
fn a_foreign_device_looks_like_a_missing_one() {
    let mut rig = Rig::new();
    let mut foreign = item("r1", 1);
    foreign["assetId"] = json!("a-e1");
    let mut missing = item("r2", 1);
    missing["assetId"] = json!("a-d99");
    rig.invoke(json!([foreign, missing]));
    assert_eq!(rig.statuses(), [1_000_201, 1_000_201]);
    let replies = rig.answers[0].1["data"].as_array().unwrap();
    assert_eq!((&replies[0]["submsg"], &replies[0]["productKey"]), (&replies[1]["submsg"], &json!(null)));
}

#[test]
fn bounds_refuse_before_acceptance_and_say_which() {
    let mut config = ResponderConfig::default();
    (config.pending_per_device, config.pending_per_org, config.dedup_per_org) =
        (at_least_1(2), at_least_1(3), at_least_1(4));
    let mut rig = Rig::with(config);
    rig.invoke(json!([item("r1", 1), item("r2", 1), item("r3", 1), item("r4", 2)]));
    assert_eq!(rig.statuses(), [0, 0, 1_000_207, 0]);
    let refusal = &rig.answers[0].1["data"][2];
    assert_eq!((&refusal["productKey"], &refusal["deviceKey"]), (&json!("p"), &json!("d1")), "the device is known");
    rig.invoke(json!([item("r5", 3)]));
    assert_eq!(rig.statuses(), [1_000_207]);
    rig.invoke(json!([item("r6", 3), item("r7", 3)]));
    assert_eq!(rig.answers.last().unwrap().0, 429);
    let sent = rig.sent[0].clone();
    rig.answer(&sent, 200, json!({}));
    rig.invoke(json!([item("r3", 1)]));
    assert_eq!(rig.statuses(), [0], "refused for a bound, so free to come again");
}

#[test]
fn each_command_that_ends_makes_room_for_one_more_on_its_device() {
    let mut rig = Rig::with(ResponderConfig { pending_per_device: at_least_1(2), ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1), item("r2", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.invoke(json!([item("r3", 1), item("r4", 1)]));
    assert_eq!(rig.statuses(), [0, 1_000_207]);
}

#[test]
fn a_full_outbox_refuses_batches_and_sheds_nothing() {
    let mut rig = Rig::with(ResponderConfig { outbox: at_least_1(1), ..ResponderConfig::default() });
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.invoke(json!([item("r2", 1)]));
    assert_eq!(rig.answers.last().unwrap().0, 503);
    rig.responder.handle_published(rig.unconfirmed[0]);
    rig.responder.handle_published(rig.unconfirmed[0]);
    rig.invoke(json!([item("r2", 1)]));
    assert_eq!(rig.statuses(), [0]);
    assert_eq!(rig.responder.stats().published, 1);
}

#[test]
fn finals_of_one_channel_share_messages_up_to_the_bound() {
    let mut rig = Rig::with(ResponderConfig { replies_per_message: at_least_1(3), ..ResponderConfig::default() });
    rig.channel_confirms = false;
    rig.invoke((0..7).map(|n| item(&format!("r{n}"), n)).collect());
    rig.pass(1_000);
    assert_eq!((rig.unconfirmed.len(), rig.published.len()), (3, 7));
    let ids: Vec<_> = rig.published.iter().map(|reply| reply["requestId"].clone()).collect();
    assert_eq!(ids, ["r0", "r1", "r2", "r3", "r4", "r5", "r6"], "equal deadlines end in order of submission");
    rig.confirm_publications();
    assert_eq!((rig.responder.stats().published, rig.responder.stats().outbox), (7, 0));
}

#[test]
fn a_failed_store_takes_nothing_and_does_nothing_more() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r0", 1)]));
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.responder.handle_persist_failed();
    rig.drain();
    assert_eq!(rig.answers.last().unwrap().0, 500, "it may have been stored");
    rig.invoke(json!([item("r2", 1)]));
    assert_eq!(rig.answers.last().unwrap().0, 503);
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.pass(2_000);
    assert_eq!(rig.answers.len(), 3);
    assert!(rig.published.is_empty());
    assert_eq!((rig.sent.len(), rig.responder.poll_timeout()), (1, None));
}

#[test]
fn a_failed_store_hands_nothing_over_when_the_link_comes_back() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r0", 1)]));
    rig.link(false);
    rig.handed_over(rig.sent[0].message_id, HandedOver::NotSent);
    rig.responder.handle_persist_failed();
    rig.link(true);
    assert_eq!(rig.sent.len(), 1, "its outcome could not be stored");
}

#[test]
fn a_stopping_responder_takes_no_batch_and_ends_what_it_has() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.responder.stop_accepting();
    rig.invoke(json!([item("r2", 1)]));
    assert_eq!(rig.answers.last().unwrap().0, 503);
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    assert_eq!(rig.finals()["r1"], [0]);
}

#[test]
fn steps_of_the_clocks_change_no_running_deadline() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    for step in [-3_600_000, 3_600_000 * 2] {
        rig.now.epoch_ms += step;
        rig.pass(400);
    }
    assert!(rig.published.is_empty());
    // The monotonic clock must not step back; if it does all the same, nothing fires early.
    rig.now = crate::Now::new(rig.now.instant.as_millis() - 5_000, rig.now.epoch_ms);
    rig.pass(5_199);
    assert!(rig.published.is_empty());
    rig.pass(1);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
}

#[test]
fn the_end_of_time_does_not_panic() {
    let mut rig = Rig::new();
    rig.now = crate::Now::new(u64::MAX - 10, i64::MAX - 10);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.statuses(), [0]);
    rig.now = crate::Now::new(u64::MAX, i64::MAX);
    rig.responder.handle_timeout(rig.now);
    rig.drain();
    assert_eq!(rig.finals()["r1"], [1_000_203]);
}

#[test]
fn refused_items_are_answered_at_once_even_while_the_store_is_busy() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.invoke(json!([{ "requestId": "bad" }]));
    assert_eq!((rig.answers.len(), rig.statuses()), (1, vec![1000]));
}

#[test]
fn an_unknown_org_gets_the_published_answer() {
    let mut rig = Rig::new();
    rig.batch("o3", Family::Invoke, r#"{"data":[]}"#);
    let expected = json!({ "status": 400, "msg": "Invalid Argument orgId", "submsg": "orgId does not exist" });
    assert_eq!(rig.answers[0], (400, expected));
}

#[test]
fn a_final_whose_channel_is_gone_is_kept_as_undeliverable() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.responder.pending_on_channel("o1", Family::Invoke, CHANNEL), 1);
    rig.pass(1_000);
    rig.responder.handle_undeliverable(rig.unconfirmed[0]);
    rig.drain();
    assert_eq!(rig.responder.pending_on_channel("o1", Family::Invoke, CHANNEL), 0);
    assert!(rig.stored.iter().any(|record| matches!(record, Record::Undeliverable { .. })));
    assert_eq!(rig.responder.stats().undeliverable, 1);
}

//! What devices say, and when they say it.

use serde_json::json;

use crate::{Family, limits::at_least_1};

use super::super::{Attribution, HandedOver, Record, ResponderConfig};
use super::harness::{CHANNEL, Rig, WRITES, item};

#[test]
fn answers_that_come_while_the_final_is_being_stored_change_nothing() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    rig.store_confirms = false;
    let [answered, silent] = [0, 1].map(|at| rig.sent[at].clone());
    assert_eq!(rig.answer(&answered, 200, json!({ "a": 1 })), Attribution::Succeeded);
    rig.pass(1_000);
    assert_eq!(rig.answer(&answered, 200, json!({ "a": 1 })), Attribution::Duplicate);
    assert_eq!(rig.answer(&answered, 200, json!({ "a": 2 })), Attribution::Conflict);
    assert_eq!(rig.answer(&silent, 200, json!({})), Attribution::Late);
    assert_eq!(rig.answer(&silent, 200, json!({})), Attribution::Duplicate);
    rig.confirm_writes();
    let finals: Vec<_> = rig.published.iter().map(|reply| (&reply["status"], &reply["outputData"])).collect();
    assert_eq!(finals, [(&json!(0), &json!({ "a": 1 })), (&json!(1_000_203), &json!({}))]);
    assert_eq!(rig.stored.iter().filter(|record| matches!(record, Record::Final { .. })).count(), 2);
}

#[test]
fn an_answer_to_an_earlier_attempt_counts_while_the_next_one_waits() {
    let mut rig = Rig::new();
    rig.world.deduplicates = true;
    rig.invoke(json!([item("r1", 1)]));
    rig.link(false);
    rig.handed_over(rig.sent[0].message_id, HandedOver::Unclear);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Succeeded);
    rig.link(true);
    assert_eq!((rig.finals()["r1"].clone(), rig.sent.len()), (vec![0], 1));
}

#[test]
fn an_answer_that_overtakes_the_confirmation_of_its_hand_over_makes_room_in_the_window() {
    let mut rig = Rig::with(ResponderConfig { hand_over_window: at_least_1(1), ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1), item("r2", 2), item("r3", 3)]));
    let first = rig.sent[0].clone();
    assert_eq!(rig.answer(&first, 200, json!({})), Attribution::Succeeded);
    assert_eq!(rig.sent.len(), 2);
    rig.handed_over(first.message_id, HandedOver::Taken);
    assert_eq!(rig.sent.len(), 2, "its place was free already");
}

#[test]
fn an_answer_to_what_was_never_sent_is_premature_and_changes_nothing() {
    let mut rig = Rig::new();
    rig.link(false);
    rig.invoke(json!([item("r1", 1)]));
    let Record::Accepted(command) = &rig.stored[0] else { panic!("{:?}", rig.stored) };
    let payload = json!({ "id": command.message_id.to_string(), "code": 200 }).to_string();
    assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", &payload), Attribution::Premature);
    assert_eq!((rig.published.len(), rig.responder.stats().unknown), (0, 1));
    rig.link(true);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Succeeded);
}

#[test]
fn a_message_on_a_topic_that_is_not_one_for_answers_is_unreadable() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let payload = json!({ "id": rig.sent[0].message_id.to_string(), "code": 200 }).to_string();
    for topic in ["/sys/p/d1/thing/service/s", "/sys/p/d1/thing/event/s_reply", "s_reply", ""] {
        assert_eq!(rig.say(topic, &payload), Attribution::Unreadable, "{topic}");
    }
    assert!(rig.published.is_empty());
}

#[test]
fn a_write_that_succeeds_has_no_output_whatever_the_device_sends() {
    let mut rig = Rig::new();
    let write = json!({ "data": [{
        "requestId": "w1", "setMeasurepointChannelId": WRITES, "assetId": "a-d1", "measurepointId": "m",
        "inputData": { "arg": 1 },
    }] });
    rig.batch("o1", Family::Write, &write.to_string());
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 })), Attribution::Succeeded);
    assert_eq!((&rig.published[0]["status"], rig.published[0].get("outputData")), (&json!(0), None));
    let Some(Record::Final { outcome, .. }) = rig.stored.iter().find(|record| matches!(record, Record::Final { .. }))
    else {
        panic!("no final is stored")
    };
    assert_eq!(outcome.output, None);
}

#[test]
fn the_devices_own_words_go_into_its_failure_up_to_a_bound() {
    let long = "ä".repeat(2_000);
    for (words, shown) in [
        (json!("no wind"), "device code 2000: no wind"),
        (json!(""), "device code 2000"),
        (json!(7), "device code 2000"),
        (json!(long), &format!("device code 2000: {}", "ä".repeat(1_024))),
    ] {
        let mut rig = Rig::new();
        rig.invoke(json!([item("r1", 1)]));
        let payload = json!({ "id": rig.sent[0].message_id.to_string(), "code": 2_000, "message": words }).to_string();
        assert_eq!(rig.say("/sys/p/d1/thing/service/s_reply", &payload), Attribution::Failed);
        assert_eq!(rig.published[0]["submsg"], shown);
    }
}

#[test]
fn as_many_ended_items_are_remembered_as_configured_and_the_oldest_go_first() {
    let mut rig = Rig::with(ResponderConfig { ended: 2, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1), item("r2", 2), item("r3", 3)]));
    let sent = rig.sent.clone();
    for command in &sent {
        assert_eq!(rig.answer(command, 200, json!({})), Attribution::Succeeded);
    }
    let again: Vec<_> = sent.iter().map(|command| rig.answer(command, 200, json!({}))).collect();
    assert_eq!(again, [Attribution::Unknown, Attribution::Duplicate, Attribution::Duplicate]);
}

#[test]
fn the_final_of_an_invoke_repeats_the_item_and_says_what_came_of_it() {
    let mut rig = Rig::new();
    rig.invoke(json!([{
        "requestId": "r1", "controlChannelId": CHANNEL, "assetId": "a-d1", "serviceId": "named", "timeout": 1_000,
        "callbackUrl": "https://example.com/back", "inputData": { "a": 1.5 }, "gmtServiceRequest": 7,
    }]));
    rig.pass(40);
    rig.answer(&rig.sent[0].clone(), 200, json!({ "rpm": 12 }));
    let expected = json!({
        "requestId": "r1", "messageId": null, "requestMethod": "thing.service.named", "callType": "ASYNC",
        "controlChannelId": CHANNEL, "productKey": "p", "deviceKey": "d1", "assetId": "a-d1",
        "serviceName": "The named one", "serviceId": "named", "callbackUrl": "https://example.com/back",
        "inputData": { "a": 1.5 }, "outputData": { "rpm": 12 }, "status": 0, "msg": "SUCCESS", "submsg": "SUCCESS",
        "timeout": 1_000, "gmtServiceRequest": 7, "gmtServiceReply": 1_700_000_000_040_i64,
        "gmtDeviceReply": 1_700_000_000_040_i64,
    });
    assert_eq!(rig.published, [expected]);
}

#[test]
fn the_final_of_a_write_repeats_the_item_and_says_what_came_of_it() {
    let mut rig = Rig::new();
    let items = json!([{
        "requestId": "w1", "setMeasurepointChannelId": WRITES, "assetId": "a-d1", "measurepointId": "named",
        "timeout": 1_000, "callbackUrl": "https://example.com/back", "inputData": { "arg": 1.5 },
    }]);
    rig.batch("o1", Family::Write, &json!({ "data": items }).to_string());
    rig.pass(1_000);
    let expected = json!({
        "requestId": "w1", "orgId": "o1", "callType": "ASYNC", "setMeasurepointChannelId": WRITES,
        "productKey": "p", "deviceKey": "d1", "assetId": "a-d1", "measurepointId": "named",
        "callbackUrl": "https://example.com/back", "inputData": { "arg": 1.5 },
        "status": 1_000_203, "msg": "timeout", "submsg": crate::submsg::TIMED_OUT,
        "timeout": 1_000, "gmtServiceRequest": 1_700_000_000_000_i64, "gmtServiceReply": 1_700_000_001_000_i64,
    });
    assert_eq!(rig.published, [expected]);
}

//! Replies of items that are admitted otherwise than their batch was read.

use serde_json::{Value, json};

use crate::{Family, Limits, Now, limits::at_least_1};

use super::super::{CheckedBatch, ResponderConfig};
use super::harness::{Rig, item};

/// Items whose replies are copied from the body and items whose replies are not, with every way to name a device.
const SPELLINGS: &str = r#"{"data":[
    {"requestId":"fast","controlChannelId":"DATASVC.CONTROL.c","productKey":"p","deviceKey":"d1","assetId":"a-d1",
     "serviceId":"s","timeout":1000,"gmtServiceRequest":7},
    {"requestId":"esc\u0061ped\/","controlChannelId":"DATASVC.CONTROL.\u0063","assetId":"a-d2","serviceId":"n\u0061med",
     "callbackUrl":"http:\/\/a","inputData":{ "a" : "\u00e9" }},
    {"requestId":"gr\u00fcn und grün","controlChannelId":"DATASVC.CONTROL.c","productKey":"p","deviceKey":"d3","serviceId":"é"},
    {"requestId":"by asset","controlChannelId":"DATASVC.CONTROL.c","productKey":"other","assetId":"a-d4","serviceId":"s"},
    {"requestId":"named","controlChannelId":"DATASVC.CONTROL.c","assetId":"a-d5","serviceId":"named","callbackUrl":""},
    {"requestId":"refused","controlChannelId":"DATASVC.CONTROL.c","serviceId":"s"}
]}"#;

#[test]
fn a_repeated_batch_gets_the_original_answer_byte_for_byte_whatever_the_directory_says_by_now() {
    for nameless in [false, true] {
        let mut rig = Rig::new();
        rig.world.nameless = nameless;
        rig.batch("o1", Family::Invoke, SPELLINGS);
        assert_eq!(rig.statuses(), [0, 0, 0, 0, 0, 1000]);
        rig.world.nameless = !nameless;
        rig.batch("o1", Family::Invoke, SPELLINGS);
        rig.world.gone.extend(["d1", "d2", "d3"].map(str::to_owned));
        rig.batch("o1", Family::Invoke, SPELLINGS);
        assert_eq!(rig.responses[0], rig.responses[1]);
        assert_eq!(rig.responses[0], rig.responses[2]);
        assert_eq!((rig.responder.stats().repeated, rig.responder.stats().accepted), (10, 5));
    }
}

#[test]
fn items_between_repeated_ones_are_accepted_at_their_places() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r3", 3)]));
    rig.pass(10);
    rig.invoke(json!([item("r0", 0), item("r1", 1), item("r2", 2), {}, item("r3", 3), item("r4", 4)]));
    assert_eq!(rig.statuses(), [0, 0, 0, 1000, 0, 0]);
    let replies = rig.answers[1].1["data"].as_array().unwrap();
    let ids: Vec<_> = replies.iter().map(|reply| reply["requestId"].clone()).collect();
    assert_eq!(ids, [json!("r0"), json!("r1"), json!("r2"), json!(null), json!("r3"), json!("r4")]);
    assert_eq!((&replies[1], &replies[4]), (&rig.answers[0].1["data"][0], &rig.answers[0].1["data"][1]));
    assert_ne!(replies[0]["gmtServiceReply"], replies[1]["gmtServiceReply"]);
    let sent: Vec<_> = rig.sent.iter().map(|sent| sent.payload["params"]["unique"].clone()).collect();
    assert_eq!(sent, ["r1", "r3", "r0", "r2", "r4"]);
}

#[test]
fn a_conflict_echoes_the_names_as_they_were_sent_and_a_reached_bound_those_of_the_device() {
    let mut rig = Rig::with(ResponderConfig { pending_per_device: at_least_1(1), ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1)]));
    rig.invoke(json!([item("r1", 2), item("r2", 1)]));
    assert_eq!(rig.statuses(), [1000, 1_000_207]);
    let replies = rig.answers[1].1["data"].as_array().unwrap();
    assert_eq!((&replies[0]["deviceKey"], &replies[0]["assetId"]), (&Value::Null, &json!("a-d2")));
    assert_eq!((&replies[1]["deviceKey"], &replies[1]["assetId"]), (&json!("d1"), &json!("a-d1")));
    assert!(replies[0]["submsg"].as_str().unwrap().starts_with("requestId: was used before"));
    assert!(replies[1]["submsg"].as_str().unwrap().starts_with("the device has 1 commands in flight"));
}

/// Of a member of an item: its name, a value, another value, and whether another value makes another command.
fn members(family: Family) -> Vec<(&'static str, Value, Value, bool)> {
    let table = family.table();
    let channel = |name: &str| json!(format!("{}{name}", table.channel_prefix));
    vec![
        ("orgId", json!("o1"), json!(null), false),
        ("callType", json!("ASYNC"), json!("SYNC"), false),
        (table.channel_field, channel("c"), channel("d"), true),
        ("productKey", json!("p"), json!("q"), true),
        ("deviceKey", json!("d1"), json!("d2"), true),
        ("assetId", json!("a-d1"), json!("a-d2"), true),
        (table.target_field, json!("s"), json!("t"), true),
        ("callbackUrl", json!("http://a"), json!("http://b"), true),
        ("inputData", json!({ "arg": 1 }), json!({ "arg": 2 }), true),
        ("timeout", json!(1_000), json!(1_001), true),
        ("gmtServiceRequest", json!(7), json!(8), false),
    ]
}

#[test]
fn every_member_that_makes_another_command_makes_another_content_under_a_request_id() {
    for family in Family::ALL {
        let table = family.table();
        let members = members(family);
        let mut original = json!({ "requestId": "r1" });
        for (name, value, ..) in &members {
            original[*name] = value.clone();
        }
        for (name, _, other, counts) in &members {
            let mut changed = original.clone();
            changed[*name] = other.clone();
            let mut without = original.clone();
            without.as_object_mut().unwrap().remove(*name);
            let is_required = [table.channel_field, table.target_field].contains(name)
                || (family == Family::Write && *name == "inputData");
            for item in [Some(changed), (!is_required).then_some(without)].into_iter().flatten() {
                let mut rig = Rig::new();
                for item in [&original, &item] {
                    rig.batch("o1", family, &json!({ "data": [item] }).to_string());
                }
                assert_eq!(rig.statuses(), [if *counts { 1000 } else { 0 }], "{} {name} {item}", family.name());
                let stats = rig.responder.stats();
                assert_eq!((stats.accepted, stats.repeated), (1, u64::from(!*counts)));
            }
        }
    }
}

#[test]
fn a_timeout_that_is_the_default_is_the_same_content_as_none() {
    let mut rig = Rig::new();
    let mut item = item("r1", 1);
    item["timeout"] = json!(30_000);
    rig.invoke(json!([item]));
    item.as_object_mut().unwrap().remove("timeout");
    rig.invoke(json!([item]));
    assert_eq!((rig.statuses(), rig.responder.stats().repeated), (vec![0], 1));
}

#[test]
fn a_batch_is_read_again_for_a_directory_that_has_changed() {
    let mut rig = Rig::new();
    let body = json!({ "data": [item("r1", 1), item("r2", 2)] }).to_string();
    let batch = rig.read("o1", Family::Invoke, &body);
    assert_eq!((batch.org_id(), batch.family(), batch.items()), ("o1", Family::Invoke, 2));
    assert_eq!(batch.body_bytes(), body.len());
    rig.world.gone.insert("d2".to_owned());
    let batch = batch.read_again(&rig.world);
    rig.responder.handle_batch(batch, rig.now);
    rig.drain();
    assert_eq!(rig.statuses(), [0, 1_000_201]);
}

#[test]
fn a_batch_that_is_refused_as_a_whole_says_so_and_the_responder_has_its_own_reasons_first() {
    let mut rig = Rig::new();
    let unknown_org = rig.read("o3", Family::Invoke, "{}");
    let unreadable = rig.read("o1", Family::Invoke, "{");
    assert_eq!([&unknown_org, &unreadable].map(|batch| (batch.items(), batch.error().unwrap().status)), [(0, 400); 2]);
    assert!(format!("{unreadable:?}").contains("body_bytes: 1"));
    let error = unreadable.error().cloned().unwrap();
    rig.responder.handle_batch(unreadable, rig.now);
    rig.drain();
    assert_eq!(rig.answers[0], (400, serde_json::from_slice(&error.response()).unwrap()));
    rig.responder.stop_accepting();
    rig.responder.handle_batch(unknown_org, rig.now);
    rig.drain();
    assert_eq!(rig.answers[1].0, 503, "a service that is going down tells nobody which orgs there are");
}

#[test]
fn timeouts_run_from_receipt_however_long_a_batch_waits_to_be_admitted() {
    let mut rig = Rig::new();
    let items = json!({ "data": [item("r1", 1)] }).to_string();
    let batch = rig.read("o1", Family::Invoke, &items);
    let received = rig.now;
    rig.now = Now::new(received.instant.as_millis() + 300, received.epoch_ms + 300);
    rig.responder.handle_batch(batch, rig.now);
    rig.drain();
    assert_eq!(rig.answers[0].1["data"][0]["gmtServiceReply"], json!(received.epoch_ms));
    assert_eq!(rig.sent[0].payload["timeout"], 700);
    rig.pass(699);
    assert!(rig.published.is_empty());
    rig.pass(1);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
}

#[test]
fn what_a_batch_may_cost_to_read_is_up_to_whoever_reads_it() {
    let mut rig = Rig::new();
    let mut limits = Limits::DEFAULT;
    limits.items = std::num::NonZeroUsize::MIN;
    let body = json!({ "data": [item("r1", 1), item("r2", 2)] }).to_string();
    let batch = CheckedBatch::read(body, Family::Invoke, "o1", &rig.world, &limits, rig.now);
    rig.responder.handle_batch(batch, rig.now);
    rig.drain();
    assert_eq!(rig.answers[0].0, 413);
}

//! Request ids that come again: repetitions, conflicts, and when an id is forgotten.

use serde_json::json;

use crate::Family;

use super::super::{Attribution, ResponderConfig};
use super::harness::{Rig, WRITES, item};

#[test]
fn the_same_batch_again_gets_the_original_answer_and_sends_nothing() {
    let mut rig = Rig::new();
    let body = json!({ "data": [item("r1", 1), item("r2", 2)] }).to_string();
    rig.batch("o1", Family::Invoke, &body);
    rig.pass(30);
    rig.batch("o1", Family::Invoke, &body);
    rig.world.gone.insert("d1".to_owned());
    rig.batch("o1", Family::Invoke, &body);
    assert_eq!(rig.answers[0], rig.answers[1]);
    assert_eq!(rig.answers[0], rig.answers[2]);
    assert_eq!((rig.sent.len(), rig.responder.stats().repeated), (2, 4));
}

#[test]
fn a_repetition_of_what_has_ended_publishes_its_final_once_more() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 }));
    for times in 2..4 {
        rig.invoke(json!([item("r1", 1)]));
        assert_eq!(rig.published.len(), times);
        assert_eq!(rig.published[0], rig.published[times - 1]);
    }
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 })), Attribution::Duplicate);
    rig.crash(0);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!((rig.published.len(), rig.sent.len()), (4, 1));
    assert_eq!(rig.published[0], rig.published[3]);
    assert_eq!((rig.responder.stats().pending, rig.responder.stats().outbox), (0, 0));
}

#[test]
fn the_final_of_a_forgotten_id_is_not_published_for_its_new_owner() {
    let mut rig = Rig::with(ResponderConfig { dedup_window_ms: 10_000, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.pass(9_999);
    rig.store_confirms = false;
    // The repetition waits for the store behind another batch; meanwhile its id is forgotten and taken anew.
    rig.invoke(json!([item("r2", 2)]));
    rig.invoke(json!([item("r1", 1)]));
    rig.pass(1);
    rig.invoke(json!([item("r1", 3)]));
    rig.confirm_writes();
    assert_eq!(rig.statuses(), [0]);
    assert_eq!(rig.finals()["r1"], [0], "the old final came again under an id that stands for another item");
}

#[test]
fn a_repetition_of_what_is_no_longer_among_the_ended_items_gets_its_answer_and_no_final() {
    let mut rig = Rig::with(ResponderConfig { ended: 0, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.answers[0], rig.answers[1]);
    assert_eq!((rig.published.len(), rig.sent.len()), (1, 1));
}

#[test]
fn a_repetition_of_what_is_on_its_way_publishes_nothing_more() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.published.len(), 1);
}

#[test]
fn a_repetition_waits_for_the_original_to_be_stored() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    let body = json!({ "data": [item("r1", 1)] }).to_string();
    rig.batch("o1", Family::Invoke, &body);
    rig.batch("o1", Family::Invoke, &body);
    assert!(rig.answers.is_empty());
    rig.confirm_writes();
    assert_eq!((rig.answers.len(), rig.sent.len()), (2, 1));
}

#[test]
fn a_used_request_id_with_other_content_is_refused_and_names_the_reuse() {
    let changes: [fn(&mut serde_json::Value); 4] = [
        |item| item["inputData"] = json!({ "unique": 1.5 }),
        |item| item["assetId"] = json!("a-d2"),
        |item| item["timeout"] = json!(2_000),
        |item| item["controlChannelId"] = json!("DATASVC.CONTROL.other"),
    ];
    for change in changes {
        let mut rig = Rig::new();
        rig.invoke(json!([item("r1", 1)]));
        let mut other = item("r1", 1);
        change(&mut other);
        rig.invoke(json!([other, item("r2", 2)]));
        assert_eq!(rig.statuses(), [1000, 0]);
        let submsg = rig.answers[1].1["data"][0]["submsg"].as_str().unwrap();
        assert!(submsg.contains("requestId: was used before"), "{submsg}");
        assert_eq!(rig.sent.len(), 2);
    }
}

#[test]
fn one_id_twice_in_a_batch_refuses_all_of_those_items_and_no_other() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("same", 1), item("r2", 2), item("same", 3)]));
    assert_eq!(rig.statuses(), [1000, 0, 1000]);
    assert_eq!(rig.sent.len(), 1);
}

#[test]
fn orgs_and_families_have_request_ids_of_their_own() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let mut foreign = item("r1", 1);
    foreign["assetId"] = json!("a-e1");
    rig.batch("o2", Family::Invoke, &json!({ "data": [foreign] }).to_string());
    let write = json!({ "data": [{
        "requestId": "r1", "setMeasurepointChannelId": WRITES, "assetId": "a-d1", "measurepointId": "m",
        "inputData": { "arg": 1 },
    }] });
    rig.batch("o1", Family::Write, &write.to_string());
    assert_eq!((rig.statuses(), rig.sent.len()), (vec![0], 3));
}

#[test]
fn an_id_is_forgotten_after_the_window_but_never_while_its_item_is_open() {
    let mut rig = Rig::with(ResponderConfig { dedup_window_ms: 10_000, ..ResponderConfig::default() });
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.pass(10_000);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.sent.len(), 1, "forgotten although its final is not published");
    for publication in std::mem::take(&mut rig.unconfirmed) {
        rig.responder.handle_published(publication);
    }
    rig.pass(10_000);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!((rig.statuses(), rig.sent.len()), (vec![0], 2));
}

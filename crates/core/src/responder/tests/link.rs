//! Commands on their way: the link to the devices breaks, the window is full, hand-overs fail.

use serde_json::json;

use crate::{limits::at_least_1, submsg};

use super::super::{Attribution, HandedOver, ResponderConfig};
use super::harness::{Rig, item};

#[test]
fn without_a_link_commands_wait_and_what_expires_is_known_to_be_unsent() {
    let mut rig = Rig::new();
    rig.link(false);
    let mut patient = item("r2", 2);
    patient["timeout"] = json!(5_000);
    rig.invoke(json!([item("r1", 1), patient]));
    assert_eq!(rig.statuses(), [0, 0]);
    rig.pass(1_000);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
    assert_eq!(rig.published[0]["submsg"], submsg::EXPIRED_UNSENT);
    assert_eq!(rig.responder.ready.len(), 1, "what has expired waits for the link no longer");
    rig.link(true);
    assert_eq!(rig.sent.len(), 1);
    assert_eq!(rig.sent[0].payload["timeout"], 4_000, "what is left, not what was asked for");
    assert_eq!(rig.responder.stats().expired_unsent, 1);
}

#[test]
fn a_command_whose_deadline_passed_while_its_intent_was_stored_is_never_sent() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r0", 1)]));
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    let (accepted, _) = rig.unstored[0];
    rig.responder.handle_persisted(accepted, rig.now);
    rig.now = crate::Now::new(rig.now.instant.as_millis() + 1_000, rig.now.epoch_ms + 1_000);
    // The process was paused: the confirmation of the intent comes first, the timer second.
    rig.confirm_writes();
    rig.drain();
    rig.confirm_writes();
    assert_eq!(rig.sent.len(), 1, "a stale command was sent");
    rig.pass(0);
    rig.confirm_writes();
    assert_eq!(rig.finals()["r1"], [1_000_203]);
    let unsent = rig.published.iter().find(|reply| reply["requestId"] == "r1").unwrap();
    assert_eq!(unsent["submsg"], submsg::EXPIRED_UNSENT);
}

#[test]
fn a_link_that_is_lost_while_intents_are_stored_keeps_the_commands_and_their_order() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r0", 1)]));
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1), item("r2", 1), item("r3", 1)]));
    rig.confirm_one_write();
    rig.link(false);
    rig.confirm_writes();
    assert_eq!(rig.sent.len(), 1, "handed over without a link");
    rig.link(true);
    rig.confirm_writes();
    let order: Vec<_> = rig.sent.iter().map(|sent| sent.payload["params"]["unique"].clone()).collect();
    assert_eq!(order, ["r0", "r1", "r2", "r3"]);
}

#[test]
fn what_missed_the_link_goes_before_what_is_stored_after_it() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r0", 1)]));
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.confirm_one_write();
    rig.invoke(json!([item("r2", 1)]));
    rig.link(false);
    // The first intent is stored while there is no link, the second once there is one again.
    rig.confirm_one_write();
    rig.confirm_one_write();
    rig.link(true);
    rig.confirm_writes();
    let order: Vec<_> = rig.sent.iter().map(|sent| sent.payload["params"]["unique"].clone()).collect();
    assert_eq!(order, ["r0", "r1", "r2"]);
}

#[test]
fn what_missed_the_link_goes_before_what_was_intended_after_it() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.invoke(json!([item("r2", 1)]));
    rig.confirm_one_write();
    rig.confirm_one_write();
    rig.link(false);
    // The first intent is stored while there is no link, the second once there is one again.
    rig.confirm_one_write();
    rig.link(true);
    rig.confirm_writes();
    let order: Vec<_> = rig.sent.iter().map(|sent| sent.payload["params"]["unique"].clone()).collect();
    assert_eq!(order, ["r1", "r2"]);
}

#[test]
fn what_certainly_never_left_fails_at_once() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.handed_over(rig.sent[0].message_id, HandedOver::NotSent);
    assert_eq!(rig.finals()["r1"], [1_000_204]);
    assert_eq!(rig.published[0]["submsg"], submsg::NEVER_SENT);
    assert_eq!(rig.published[0]["gmtDeviceReply"], -1);
}

#[test]
fn what_an_earlier_attempt_may_have_sent_stays_unknown_when_the_next_one_never_left() {
    let mut rig = Rig::new();
    rig.world.deduplicates = true;
    rig.invoke(json!([item("r1", 1)]));
    rig.handed_over(rig.sent[0].message_id, HandedOver::Unclear);
    rig.handed_over(rig.sent[1].message_id, HandedOver::NotSent);
    assert!(rig.published.is_empty(), "the device may have the first attempt");
    rig.pass(1_000);
    assert_eq!(rig.published[0]["submsg"], submsg::TIMED_OUT);
}

#[test]
fn what_did_not_leave_because_the_link_was_lost_waits_for_the_next_one_in_order() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r2", 1)]));
    rig.link(false);
    for sent in rig.sent.clone().into_iter().rev() {
        rig.handed_over(sent.message_id, HandedOver::NotSent);
    }
    assert!(rig.published.is_empty());
    rig.link(true);
    let order: Vec<_> = rig.sent.iter().map(|sent| sent.payload["params"]["unique"].clone()).collect();
    assert_eq!(order, ["r1", "r2", "r1", "r2"]);
    assert_eq!(rig.answer(&rig.sent[2].clone(), 200, json!({})), Attribution::Succeeded);
}

#[test]
fn an_unclear_hand_over_is_repeated_only_to_a_device_that_deduplicates() {
    for deduplicates in [false, true] {
        let mut rig = Rig::new();
        rig.world.deduplicates = deduplicates;
        rig.invoke(json!([item("r1", 1)]));
        let first = rig.sent[0].message_id;
        rig.handed_over(first, HandedOver::Unclear);
        let ids: Vec<_> = rig.sent.iter().map(|sent| sent.message_id).collect();
        assert_eq!(ids, if deduplicates { vec![first, first] } else { vec![first] });
        assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Succeeded);
    }
}

#[test]
fn hand_overs_keep_the_order_of_the_batch_and_the_window() {
    let mut rig = Rig::with(ResponderConfig { hand_over_window: at_least_1(2), ..ResponderConfig::default() });
    rig.invoke((0..5).map(|n| item(&format!("r{n}"), 1)).collect());
    let mut order = Vec::new();
    while order.len() < rig.sent.len() {
        assert!(rig.sent.len() - order.len() <= 2, "more under way than the window allows");
        let sent = rig.sent[order.len()].clone();
        order.push(sent.payload["params"]["unique"].as_str().unwrap().to_owned());
        rig.handed_over(sent.message_id, HandedOver::Taken);
    }
    assert_eq!(order, ["r0", "r1", "r2", "r3", "r4"]);
}

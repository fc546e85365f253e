//! What whoever drives a responder can rely on: when to come back, which answer is whose, what is counted.

use serde_json::json;

use crate::Family;

use super::harness::{CHANNEL, Rig, item};

#[test]
fn a_driver_that_comes_only_when_it_is_asked_ends_every_item_at_its_deadline() {
    let mut rig = Rig::new();
    let start = rig.now.instant;
    let mut patient = item("r2", 2);
    patient["timeout"] = json!(300_000);
    rig.invoke(json!([patient, item("r1", 1)]));
    let mut ended = Vec::new();
    let mut calls = 0;
    while let Some(wakeup) = rig.responder.poll_timeout() {
        rig.set_instant(wakeup.max(rig.now.instant));
        rig.responder.handle_timeout(rig.now);
        rig.drain();
        calls += 1;
        assert!(calls < 20, "a few calls early are harmless, these are a waste");
        ended.extend(rig.published.iter().skip(ended.len()).map(|_| rig.now.instant.millis_since(start)));
    }
    assert_eq!(ended, [1_000, 300_000]);
}

#[test]
fn an_item_that_has_its_final_asks_for_no_further_call() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    assert_eq!(rig.responder.poll_timeout(), None);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.responder.poll_timeout(), None, "nor when its final is asked for again");
}

#[test]
fn a_channel_is_waited_for_until_the_last_of_its_items_is_published() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    let pending = |rig: &Rig| rig.responder.pending_on_channel("o1", Family::Invoke, CHANNEL);
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    assert_eq!(pending(&rig), 1);
    rig.answer(&rig.sent[1].clone(), 200, json!({}));
    assert_eq!(pending(&rig), 0);
}

#[test]
fn every_batch_has_a_name_of_its_own_and_its_answer_names_it() {
    let mut rig = Rig::new();
    let batches = ["r1", "r2"].map(|id| rig.invoke(json!([item(id, 1)])));
    let refused = rig.batch("o3", Family::Invoke, "");
    assert_eq!(rig.answered, [batches[0], batches[1], refused]);
    assert!(batches[0] != batches[1] && batches[1] != refused && refused != batches[0]);
    assert_eq!((rig.responder.stats().batches, rig.responder.stats().batches_refused), (3, 1));
}

#[test]
fn everything_that_happens_is_counted_once() {
    let mut rig = Rig::new();
    rig.link(false);
    rig.invoke(json!([item("unsent", 1)]));
    rig.pass(1_000);
    rig.link(true);
    rig.invoke(json!([item("good", 1), item("bad", 2), item("silent", 3), item("refused", 99), {}]));
    rig.invoke(json!([item("good", 1)]));
    let [good, bad, silent] = [0, 1, 2].map(|at| rig.sent[at].clone());
    rig.answer(&good, 200, json!({}));
    rig.answer(&good, 200, json!({}));
    rig.answer(&bad, 2_000, json!({}));
    rig.answer(&bad, 200, json!({}));
    rig.pass(1_000);
    rig.answer(&silent, 200, json!({}));
    rig.say("/sys/p/d1/thing/service/s_reply", r#"{"id":"nobody's","code":200}"#);
    rig.say("/sys/p/d2/thing/service/s_reply", &json!({ "id": good.message_id.to_string(), "code": 200 }).to_string());
    rig.say("/sys/p/d1/thing/service/s_reply", "{");
    let mut counted = serde_json::to_value(rig.responder.stats()).unwrap();
    counted.as_object_mut().unwrap().retain(|_, count| *count != 0);
    let expected = json!({
        "batches": 3, "accepted": 4, "refused": 2, "repeated": 1,
        "succeeded": 1, "failed": 1, "expiredUnsent": 1, "timedOut": 1, "published": 4,
        "duplicate": 1, "conflict": 1, "late": 1, "unknown": 1, "wrongDevice": 1, "unreadable": 1, "remembered": 4,
    });
    assert_eq!(counted, expected);
}

//! Many at once: nothing starves, nothing grows, nobody pays for another.

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng},
};
use serde_json::json;

use crate::{Family, Now, submsg};

use super::super::{Attribution, HandedOver, ResponderConfig};
use super::harness::{CHANNEL, Rig, item};

/// A rig whose bounds leave room for this many.
fn roomy(items: usize) -> Rig {
    let mut config =
        ResponderConfig { pending_per_device: items, hand_over_window: items, ..ResponderConfig::default() };
    config.limits.items = items;
    config.limits.body_bytes = items * 1_000;
    Rig::with(config)
}

#[test]
fn ten_thousand_answers_in_any_order_end_each_its_own_item() {
    let mut rig = roomy(10_000);
    rig.invoke((0..10_000).map(|n| item(&format!("r{n}"), (n % 10) as u8)).collect());
    let mut sent = rig.sent.clone();
    let mut rng = ChaCha8Rng::from_seed([3; 32]);
    for at in (1..sent.len()).rev() {
        sent.swap(at, (rng.next_u64() % (at as u64 + 1)) as usize);
    }
    for command in sent {
        let unique = command.payload["params"]["unique"].clone();
        assert_eq!(rig.answer(&command, 200, json!({ "of": unique })), Attribution::Succeeded);
    }
    assert_eq!(rig.published.len(), 10_000);
    for reply in &rig.published {
        assert_eq!(
            (&reply["outputData"]["of"], &reply["inputData"]["unique"]),
            (&reply["requestId"], &reply["requestId"])
        );
    }
}

#[test]
fn a_flood_of_answers_under_unknown_ids_leaves_nothing_behind() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let before = rig.stored.len();
    for n in 0..100_000u32 {
        let payload = format!(r#"{{"id":"{n:032x}","code":200}}"#);
        let found = rig.responder.handle_device_message("/sys/p/d1/thing/service/s_reply", payload.as_bytes(), rig.now);
        assert_eq!(found, Attribution::Unknown);
        assert!(rig.responder.poll_effect(rig.now).is_none());
    }
    let stats = rig.responder.stats();
    assert_eq!((stats.unknown, stats.pending, stats.outbox, stats.remembered), (100_000, 1, 0, 1));
    assert_eq!((rig.stored.len(), rig.responder.ended.get(crate::MessageId::from_bits(7)).is_none()), (before, true));
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Succeeded);
}

#[test]
fn an_answer_in_the_tick_of_its_timer_counts_once_in_either_order() {
    for answer_first in [true, false] {
        let mut rig = Rig::new();
        rig.invoke(json!([item("r1", 1)]));
        let sent = rig.sent[0].clone();
        rig.now = Now::new(rig.now.instant.as_millis() + 1_000, rig.now.epoch_ms + 1_000);
        let expected = if answer_first { Attribution::Succeeded } else { Attribution::Late };
        if !answer_first {
            rig.pass(0);
        }
        assert_eq!(rig.answer(&sent, 200, json!({})), expected);
        rig.pass(0);
        assert_eq!(rig.finals()["r1"], [if answer_first { 0 } else { 1_000_203 }]);
    }
}

#[test]
fn a_hundred_thousand_timers_of_one_instant_all_fire_and_starve_no_answer() {
    let mut rig = roomy(100_000);
    rig.invoke((0..100_000).map(|n| item(&format!("r{n}"), (n % 10) as u8)).collect());
    let sent = rig.sent.clone();
    assert_eq!(sent.len(), 100_000);
    rig.now = Now::new(rig.now.instant.as_millis() + 999, rig.now.epoch_ms + 999);
    assert_eq!(rig.answer(&sent[99_999], 200, json!({})), Attribution::Succeeded);
    rig.pass(1);
    let stats = rig.responder.stats();
    assert_eq!((stats.timed_out, stats.succeeded, stats.pending, stats.outbox), (99_999, 1, 0, 0));
    assert_eq!(rig.responder.poll_timeout(), None);
}

#[test]
fn after_a_pause_nothing_stale_is_sent_and_both_kinds_of_timeout_are_told_apart() {
    let mut rig = Rig::with(ResponderConfig { hand_over_window: 1, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1), item("r2", 1)]));
    assert_eq!(rig.sent.len(), 1);
    // The process is stopped for a minute; on waking, the confirmation of the first hand-over is read before the clock.
    rig.now = Now::new(rig.now.instant.as_millis() + 60_000, rig.now.epoch_ms + 60_000);
    rig.handed_over(rig.sent[0].message_id, HandedOver::Taken);
    rig.pass(0);
    assert_eq!(rig.sent.len(), 1, "a stale command was sent");
    let submsg = |id: &str| rig.published.iter().find(|reply| reply["requestId"] == id).unwrap()["submsg"].clone();
    assert_eq!((submsg("r1"), submsg("r2")), (submsg::TIMED_OUT.into(), submsg::EXPIRED_UNSENT.into()));
}

#[test]
fn an_org_that_reaches_its_bounds_is_refused_and_no_other_org_notices() {
    let config = ResponderConfig { pending_per_org: 3, dedup_per_org: 4, ..ResponderConfig::default() };
    let mut rig = Rig::with(config);
    rig.invoke((0..4).map(|n| item(&format!("r{n}"), n)).collect());
    assert_eq!(rig.statuses(), [0, 0, 0, 1_000_207]);
    rig.invoke(json!([item("r4", 4), item("r5", 5)]));
    assert_eq!(rig.answers.last().unwrap().0, 429, "its request ids are used up");
    rig.invoke(json!([item("r0", 0)]));
    assert_eq!(rig.statuses(), [0], "what it has sent before is still known");
    let other =
        json!({ "data": [{ "requestId": "r0", "controlChannelId": CHANNEL, "assetId": "a-e0", "serviceId": "s" }] });
    rig.batch("o2", Family::Invoke, &other.to_string());
    assert_eq!((rig.statuses(), rig.sent.len()), (vec![0], 4));
}

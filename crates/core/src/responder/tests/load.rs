//! Many at once: nothing starves, nothing grows, nobody pays for another.

use std::num::NonZeroUsize;

use std::ops::Range;

use rand_chacha::{
    ChaCha8Rng,
    rand_core::{Rng as _, SeedableRng},
};
use serde_json::json;

use crate::{Family, Limits, Now, Responder, limits::at_least_1, submsg};

use super::super::{Attribution, CheckedBatch, Effect, HandedOver, ResponderConfig};
use super::harness::{CHANNEL, Rig, World, item};

/// A rig whose bounds leave room for this many.
fn roomy(items: usize) -> Rig {
    let mut config = ResponderConfig {
        pending_per_device: at_least_1(items),
        hand_over_window: at_least_1(items),
        ..ResponderConfig::default()
    };
    config.limits.items = NonZeroUsize::new(items).unwrap();
    config.limits.body_bytes = NonZeroUsize::new(items * 1_000).unwrap();
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
    for n in 0..1_000_000u32 {
        let payload = format!(r#"{{"id":"{n:032x}","code":200}}"#);
        let found = rig.responder.handle_device_message("/sys/p/d1/thing/service/s_reply", payload.as_bytes(), rig.now);
        assert_eq!(found, Attribution::Unknown);
        assert!(rig.responder.poll_effect(rig.now).is_none());
    }
    let stats = rig.responder.stats();
    assert_eq!((stats.unknown, stats.pending, stats.outbox, stats.remembered), (1_000_000, 1, 0, 1));
    assert_eq!((rig.stored.len(), rig.responder.items.find(&crate::MessageId::from_bits(7)).is_none()), (before, true));
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
    timers_of_one_instant(100_000);
}

#[test]
#[ignore = "takes half a minute without optimisation: cargo test --profile sim -p setpoint --lib -- --ignored"]
fn a_million_timers_of_one_instant_all_fire_and_starve_no_answer() {
    timers_of_one_instant(1_000_000);
}

#[test]
fn after_a_pause_nothing_stale_is_sent_and_both_kinds_of_timeout_are_told_apart() {
    let mut rig = Rig::with(ResponderConfig { hand_over_window: at_least_1(1), ..ResponderConfig::default() });
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
    let config =
        ResponderConfig { pending_per_org: at_least_1(3), dedup_per_org: at_least_1(4), ..ResponderConfig::default() };
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

/// So many items end at once, and answers come in the same instant.
fn timers_of_one_instant(count: usize) {
    const BATCH: usize = 10_000;
    const TIMEOUT_MS: u64 = 1_000;
    let config = ResponderConfig {
        pending_per_org: at_least_1(count),
        pending_per_device: at_least_1(count),
        outbox: at_least_1(count),
        ended: 10_000,
        ..ResponderConfig::default()
    };
    let mut responder = Responder::new(config, [1; 32]);
    let (world, mut done) = (World::default(), Done::default());
    let at = |ms: u64| Now::new(10_000 + ms, 1_700_000_000_000 + ms.cast_signed());
    responder.handle_link(true, at(0));
    for first in (0..count).step_by(BATCH) {
        let body = batch(first..first + BATCH, TIMEOUT_MS);
        let read = CheckedBatch::read(body, Family::Invoke, "o1", &world, &Limits::DEFAULT, at(0));
        responder.handle_batch(read, at(0));
        done.drain(&mut responder, at(0));
    }
    assert_eq!((responder.stats().accepted, done.handed_over), (count as u64, count));
    responder.handle_timeout(at(TIMEOUT_MS - 1));
    assert_eq!(responder.stats().pending, count);

    // Answers that are there at the deadline count, however many timers are due; those behind the timers are late.
    let (in_time, late) = done.some.split_at(done.some.len() / 2);
    let say = |responder: &mut Responder, (topic, id): &(String, String)| {
        let answer = format!(r#"{{"id":"{id}","code":200}}"#);
        responder.handle_device_message(&format!("{topic}_reply"), answer.as_bytes(), at(TIMEOUT_MS))
    };
    for command in in_time {
        assert_eq!(say(&mut responder, command), Attribution::Succeeded);
    }
    responder.handle_timeout(at(TIMEOUT_MS));
    for command in late {
        // Decided, although not one outcome is stored or published yet.
        assert_eq!(say(&mut responder, command), Attribution::Late);
    }
    let (in_time, late) = (in_time.len(), late.len());
    done.drain(&mut responder, at(TIMEOUT_MS));
    assert_eq!(done.published, count);
    let stats = responder.stats();
    assert_eq!((stats.succeeded, stats.timed_out), (in_time as u64, (count - in_time) as u64));
    assert_eq!((stats.expired_unsent, stats.late, stats.pending, stats.outbox), (0, late as u64, 0, 0));
    assert_eq!(responder.poll_timeout(), None);
}

/// What the responder asked for, in numbers: a rig would remember every message.
#[derive(Debug, Default)]
struct Done {
    /// Topic and message id of every thousandth command.
    some: Vec<(String, String)>,
    handed_over: usize,
    published: usize,
}

impl Done {
    /// Does everything at once that the responder asks for.
    fn drain(&mut self, responder: &mut Responder, now: Now) {
        while let Some(effect) = responder.poll_effect(now) {
            match effect {
                Effect::Persist { write, .. } => responder.handle_persisted(write, now),
                Effect::Answer { status, .. } => assert_eq!(status, 200),
                Effect::HandOver { message_id, topic, .. } => {
                    if self.handed_over.is_multiple_of(1_000) {
                        self.some.push((topic, message_id.to_string()));
                    }
                    self.handed_over += 1;
                    responder.handle_handed_over(message_id, HandedOver::Taken, now);
                }
                Effect::Publish { publication, replies, .. } => {
                    self.published += replies;
                    responder.handle_published(publication);
                }
            }
        }
    }
}

fn batch(items: Range<usize>, timeout_ms: u64) -> String {
    let item = |n| {
        format!(
            r#"{{"requestId":"r{n}","controlChannelId":"{CHANNEL}","assetId":"a-d{}","serviceId":"s","timeout":{timeout_ms}}}"#,
            n % 10
        )
    };
    format!(r#"{{"data":[{}]}}"#, items.map(item).collect::<Vec<_>>().join(","))
}

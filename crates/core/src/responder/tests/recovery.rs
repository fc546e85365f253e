//! kill -9 and start again.

use serde_json::json;

use crate::{Family, limits::at_least_1, submsg};

use super::super::{Attribution, AuditRecord, Record, ResponderConfig};
use super::harness::{CHANNEL, Rig, item};

#[test]
fn an_accepted_item_survives_and_is_sent_if_it_certainly_was_not() {
    let mut rig = Rig::new();
    rig.link(false);
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(100);
    assert_eq!(rig.sent.len(), 1);
    assert_eq!(rig.sent[0].payload["timeout"], 900);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Succeeded);
    assert_eq!(rig.finals()["r1"], [0]);
}

#[test]
fn what_was_not_stored_was_not_answered_and_is_gone() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(0);
    assert!(rig.answers.is_empty());
    assert_eq!(rig.responder.stats().pending, 0);
    rig.store_confirms = true;
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!((rig.statuses(), rig.sent.len()), (vec![0], 1));
}

#[test]
fn what_was_intended_is_not_sent_again_and_its_outcome_is_unknown() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(100);
    assert_eq!(rig.sent.len(), 1, "sent twice");
    rig.pass(899);
    assert!(rig.published.is_empty());
    rig.pass(1);
    assert_eq!(rig.published[0]["submsg"], submsg::TIMED_OUT);
}

#[test]
fn what_expired_before_its_intent_is_known_to_be_unsent_after_the_restart_too() {
    let mut rig = Rig::new();
    rig.store_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    // The process was paused: that the item is stored is heard of after its deadline.
    rig.now = crate::Now::new(rig.now.instant.as_millis() + 1_000, rig.now.epoch_ms + 1_000);
    rig.confirm_one_write();
    rig.confirm_writes();
    rig.crash(0);
    rig.pass(0);
    rig.confirm_writes();
    assert_eq!(rig.published[0]["submsg"], submsg::EXPIRED_UNSENT);
}

#[test]
fn a_device_that_deduplicates_gets_the_same_message_id_again() {
    let mut rig = Rig::new();
    rig.world.deduplicates = true;
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(100);
    assert_eq!(rig.sent.len(), 2);
    assert_eq!(rig.sent[0].message_id, rig.sent[1].message_id);
}

#[test]
fn an_answer_after_the_restart_counts_for_a_command_from_before() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    rig.crash(100);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 })), Attribution::Succeeded);
    rig.pass(1_000);
    assert_eq!(rig.answer(&rig.sent[1].clone(), 200, json!({})), Attribution::Late);
    assert_eq!((rig.finals()["r1"].clone(), rig.finals()["r2"].clone()), (vec![0], vec![1_000_203]));
}

#[test]
fn an_answer_after_the_restart_is_late_for_what_timed_out_before_it() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.pass(1_000);
    rig.crash(0);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Late);
    assert_eq!(rig.finals()["r1"], [1_000_203]);
}

#[test]
fn a_decided_final_is_published_again_with_the_same_value_and_never_another() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 }));
    rig.crash(5_000);
    rig.pass(5_000);
    assert_eq!(rig.published.len(), 2);
    assert_eq!(rig.published[0], rig.published[1]);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({ "a": 1 })), Attribution::Duplicate);
}

#[test]
fn records_of_an_open_item_that_a_store_repeats_change_nothing() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.stored.extend(rig.stored.clone());
    rig.crash(0);
    let stats = rig.responder.stats();
    assert_eq!((stats.pending, stats.outbox, rig.sent.len()), (1, 1, 2));
    assert_eq!(rig.answer(&rig.sent[1].clone(), 200, json!({})), Attribution::Succeeded);
    assert_eq!((rig.finals()["r1"].clone(), rig.finals()["r2"].clone()), (vec![0, 0], vec![0]));
}

#[test]
fn a_published_final_stays_published() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.crash(0);
    assert_eq!((rig.responder.stats().pending, rig.responder.stats().outbox), (0, 0));
    rig.pass(5_000);
    assert_eq!(rig.published.len(), 1);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Duplicate);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 2000, json!({})), Attribution::Conflict);
}

#[test]
fn what_was_published_is_over_also_for_a_store_that_lost_its_final() {
    let config = ResponderConfig {
        pending_per_org: at_least_1(1),
        pending_per_device: at_least_1(1),
        ..ResponderConfig::default()
    };
    let mut rig = Rig::with(config);
    rig.invoke(json!([item("r1", 1)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.stored.retain(|record| !matches!(record, Record::Final { .. }));
    rig.crash(0);
    let stats = rig.responder.stats();
    assert_eq!((stats.pending, stats.outbox, rig.responder.poll_timeout()), (0, 0, None));
    assert_eq!(rig.responder.pending_on_channel("o1", Family::Invoke, CHANNEL), 0);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Unknown);
    rig.invoke(json!([item("r2", 1)]));
    assert_eq!(rig.statuses(), [0], "the bounds of its org and of its device have room again");
}

#[test]
fn a_resend_after_the_restart_gets_the_original_answer() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(500);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.answers[0], rig.answers[1]);
    assert_eq!(rig.sent.len(), 1);
}

#[test]
fn timers_resume_with_what_is_left_and_never_with_more_than_the_original() {
    for (wall_step, left) in [(400, 600), (-86_400_000, 1_000), (86_400_000, 0)] {
        let mut rig = Rig::new();
        rig.link(false);
        rig.invoke(json!([item("r1", 1)]));
        rig.crash(wall_step);
        if left > 0 {
            rig.pass(left - 1);
            assert!(rig.published.is_empty(), "{wall_step}: early");
            rig.pass(1);
        } else {
            rig.pass(0);
            assert!(rig.sent.is_empty(), "sent after its deadline");
        }
        assert_eq!(rig.finals()["r1"], [1_000_203], "{wall_step}");
    }
}

#[test]
fn message_ids_do_not_come_back_after_a_restart() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.stored.clear();
    rig.crash(0);
    rig.invoke(json!([item("r2", 1)]));
    assert_ne!(rig.sent[0].message_id, rig.sent[1].message_id);
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Unknown);
}

#[test]
fn an_id_that_is_used_anew_is_not_forgotten_with_its_first_use() {
    let mut rig = Rig::with(ResponderConfig { dedup_window_ms: 10_000, ..ResponderConfig::default() });
    for use_of_it in 1..=2 {
        rig.invoke(json!([item("r1", 1)]));
        rig.answer(&rig.sent[use_of_it - 1].clone(), 200, json!({}));
        rig.pass(9_000);
        if use_of_it == 1 {
            rig.pass(2_000);
        }
    }
    rig.crash(0);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!(rig.sent.len(), 2, "sent again within the window");
    assert_eq!(rig.responder.stats().remembered, 1);
}

#[test]
fn what_a_deduplicating_device_may_have_got_before_the_crash_is_never_called_unsent() {
    let mut rig = Rig::new();
    rig.world.deduplicates = true;
    rig.invoke(json!([item("r1", 1), item("r2", 1)]));
    rig.crash(2_000);
    rig.pass(0);
    assert_eq!((rig.finals()["r1"].clone(), rig.sent.len()), (vec![1_000_203], 2));
    assert!(rig.published.iter().all(|reply| reply["submsg"] == submsg::TIMED_OUT));
}

#[test]
fn a_late_answer_is_kept_for_the_audit_and_no_restart_needs_it() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    rig.pass(1_000);
    let stored = rig.stored.clone();
    assert_eq!(rig.answer(&rig.sent[0].clone(), 2_000, json!({})), Attribution::Late);
    let (message_id, at_epoch_ms) = (rig.sent[0].message_id, rig.now.epoch_ms);
    assert_eq!(rig.audit, [AuditRecord::Late { message_id, device_code: Some(2_000), at_epoch_ms }]);
    assert_eq!((rig.audit[0].message_id(), &rig.stored), (message_id, &stored));
    let text = r#"{"audit":"late","messageId":"ID","deviceCode":2000,"atEpochMs":1700000001000}"#;
    assert_eq!(serde_json::to_string(&rig.audit[0]).unwrap(), text.replace("ID", &message_id.to_string()));
}

#[test]
fn records_of_ended_items_may_be_dropped_once_their_ids_are_forgotten() {
    let mut rig = Rig::with(ResponderConfig { dedup_window_ms: 10_000, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.channel_confirms = false;
    rig.pass(10_000);
    let until = |record: &Record| match record {
        Record::Accepted(command) => command.remember_until_epoch_ms,
        _ => i64::MAX,
    };
    assert_eq!(rig.stored.iter().map(until).min(), Some(rig.now.epoch_ms));
    // Of both items the time is over; the end of the second one is not stored.
    let ended = rig.sent[0].message_id;
    rig.stored.retain(|record| record.message_id() != ended);
    rig.channel_confirms = true;
    rig.crash(0);
    assert_eq!((rig.finals()["r1"].clone(), rig.finals()["r2"].clone()), (vec![0], vec![1_000_203, 1_000_203]));
    assert_eq!(rig.answer(&rig.sent[0].clone(), 200, json!({})), Attribution::Unknown);
    rig.invoke(json!([item("r1", 1)]));
    assert_eq!((rig.statuses(), rig.sent.len()), (vec![0], 3), "the id is free again");
}

#[test]
fn a_record_from_before_there_was_a_retention_can_be_read() {
    let mut rig = Rig::new();
    rig.invoke(json!([item("r1", 1)]));
    let mut record = serde_json::to_value(&rig.stored[0]).unwrap();
    record.as_object_mut().unwrap().remove("rememberUntilEpochMs").unwrap();
    let Ok(Record::Accepted(command)) = serde_json::from_value(record) else { panic!("unreadable") };
    assert_eq!((&*command.request_id, command.remember_until_epoch_ms), ("r1", 0));
}

#[test]
fn records_that_come_twice_or_of_unknown_items_change_nothing() {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    rig.invoke(json!([item("r1", 1), item("r2", 2)]));
    rig.answer(&rig.sent[0].clone(), 200, json!({}));
    rig.channel_confirms = true;
    rig.answer(&rig.sent[1].clone(), 200, json!({}));
    let stored = std::mem::take(&mut rig.stored);
    let known = |record: &&Record| record.message_id() == rig.sent[0].message_id;
    // Everything of the first item twice; of the second one, all but that it was accepted.
    rig.stored = stored.iter().filter(known).flat_map(|record| [record.clone(), record.clone()]).collect();
    rig.stored.extend(
        stored
            .into_iter()
            .filter(|record| record.message_id() == rig.sent[1].message_id && !matches!(record, Record::Accepted(_))),
    );
    rig.crash(0);
    let stats = rig.responder.stats();
    assert_eq!((stats.pending, stats.outbox, stats.remembered), (0, 0, 1));
    assert_eq!((rig.finals()["r1"].clone(), rig.finals()["r2"].clone()), (vec![0, 0], vec![0]));
}

#[test]
fn message_ids_begin_with_the_partition_also_after_a_restart() {
    let mut rig = Rig::with(ResponderConfig { partition: 0x0a1b, ..ResponderConfig::default() });
    rig.invoke(json!([item("r1", 1)]));
    rig.crash(0);
    rig.invoke(json!([item("r2", 1)]));
    for sent in &rig.sent {
        assert_eq!(sent.message_id.partition(), 0x0a1b);
        assert!(sent.payload["id"].as_str().unwrap().starts_with("0a1b"), "{}", sent.payload);
    }
}

//! How much one plan does, and at which moment what goes.

use std::sync::Arc;

use setpoint::{
    Device, Family, MessageId, Now,
    responder::{Record, StoredCommand},
};
use setpoint_store::{AtomicWrite, Entry, Retention, StoreErrorKind};

use crate::world::START_MS;

const MESSAGE: MessageId = MessageId::from_bits(7);

/// Accepted at the start, and for how long remembered.
fn accepted(message_id: MessageId, timeout_ms: u32, window_ms: i64) -> Record {
    Record::Accepted(Arc::new(StoredCommand {
        message_id,
        family: Family::Invoke,
        org_id: "o1".into(),
        request_id: "r1".into(),
        channel_id: "DATASVC.CONTROL.ops".into(),
        device: Arc::new(Device::new("p", "d", "a")),
        service_name: None,
        target: "start".into(),
        callback_url: None,
        input: None,
        timeout_ms,
        gmt_service_request: START_MS,
        accepted_at_epoch_ms: START_MS,
        remember_until_epoch_ms: START_MS + window_ms,
        fingerprint: 1,
    }))
}

fn write(records: Vec<Record>) -> AtomicWrite {
    AtomicWrite::of_engine(records, Vec::new())
}

fn id_of(entry: &Entry) -> MessageId {
    let Entry::Engine(record) = entry else { panic!("{entry:?}") };
    record.message_id()
}

/// A time in milliseconds after the start.
fn after(ms: u64) -> Now {
    Now::new(ms, START_MS + ms as i64)
}

#[test]
fn an_item_goes_in_the_millisecond_after_the_last_in_which_it_is_remembered() {
    let mut retention = Retention::new();
    let records = vec![accepted(MESSAGE, 10, 500), Record::Published { message_id: MESSAGE }];
    retention.note(3, &write(records), 100);
    assert!(retention.plan(after(500)).is_empty());
    assert_eq!(retention.plan(after(501)).drop_below(), 4);
}

#[test]
fn an_open_item_stays_in_its_place_until_its_deadline_has_passed() {
    // It may still have to be sent after a restart, before the items that were accepted after it.
    let mut retention = Retention::new();
    retention.note(0, &write(vec![accepted(MESSAGE, 1_000, 10)]), 100);
    for position in 1..30 {
        retention.note(position, &write(vec![Record::Intent { message_id: MessageId::from_bits(8) }]), 100);
    }
    assert!(retention.plan(after(1_000)).is_empty());
    let plan = retention.plan(after(1_001));
    assert_eq!((plan.drop_below(), plan.carried_from().collect::<Vec<_>>()), (30, vec![0]));
}

#[test]
fn a_plan_drops_at_most_256_writes() {
    let mut retention = Retention::new();
    for position in 0..1_000 {
        retention.note(position, &write(vec![Record::Published { message_id: MESSAGE }]), 100);
    }
    let mut sizes = Vec::new();
    for _ in 0..5 {
        let plan = retention.plan(after(0));
        sizes.push(plan.writes());
        retention.dropped(plan.drop_below());
    }
    assert_eq!(sizes, [256, 256, 256, 232, 0]);
}

/// Writes of so many open items each, and behind them what is worth carrying all of these forward.
fn held(writes: u64, items: u64, bytes: usize) -> Retention {
    let mut retention = Retention::new();
    for position in 0..writes {
        let ids = (0..items).map(|item| MessageId::from_bits(u128::from(position * items + item)));
        retention.note(position, &write(ids.map(|id| accepted(id, 10, 10)).collect()), bytes);
    }
    let message_id = MessageId::from_bits(u128::MAX);
    for position in writes..writes + 8 {
        retention.note(position, &write(vec![Record::Published { message_id }; (writes * items) as usize]), 100);
    }
    retention
}

#[test]
fn a_plan_carries_at_most_1024_items_or_4_mib_but_always_one_write() {
    let writes = |mut retention: Retention| retention.plan(after(100)).writes();
    assert_eq!(writes(held(40, 100, 1_000)), 10);
    assert_eq!(writes(held(3, 2_000, 1_000)), 1);
    assert_eq!(writes(held(9, 2, 1 << 20)), 4);
    assert_eq!(writes(held(3, 2, 5 << 20)), 1);
}

#[test]
fn an_acceptance_that_is_repeated_alone_does_not_let_the_rest_of_its_item_go() {
    let mut retention = Retention::new();
    retention.note(0, &write(vec![accepted(MESSAGE, 10, 10), Record::Intent { message_id: MESSAGE }]), 100);
    assert!(retention.plan(after(100)).is_empty());
    retention.note(1, &write(vec![accepted(MESSAGE, 10, 10)]), 100);
    assert!(retention.plan(after(100)).is_empty());
    retention.note(2, &write(vec![accepted(MESSAGE, 10, 10), Record::Intent { message_id: MESSAGE }]), 100);
    assert_eq!(retention.plan(after(100)).drop_below(), 2);
}

#[test]
fn what_then_holds_an_older_write_counts_there() {
    let mut retention = Retention::new();
    retention.note(0, &write(vec![accepted(MESSAGE, 10, 10)]), 100);
    retention.note(1, &write(vec![Record::Intent { message_id: MESSAGE }]), 100);
    assert!(retention.plan(after(100)).is_empty());
    retention.note(2, &write(vec![accepted(MESSAGE, 10, 10)]), 100);
    let plan = retention.plan(after(100));
    assert_eq!(plan.drop_below(), 1);
    retention.dropped(1);
    // The intent is not worth being written again.
    assert!(retention.plan(after(100)).is_empty());
}

#[test]
fn what_is_carried_is_in_the_order_of_the_writes_that_it_is_taken_from() {
    let ids = (0..9).map(|number| MessageId::from_bits(90 - number));
    let mut retention = Retention::new();
    let writes: Vec<_> = ids.clone().map(|id| write(vec![accepted(id, 10, 10)])).collect();
    (0..).zip(&writes).for_each(|(position, write)| retention.note(position, write, 100));
    retention.note(9, &write(vec![Record::Published { message_id: MESSAGE }; 100]), 100);
    let plan = retention.plan(after(100));
    let carry = plan.carry(|position| Ok(writes[position as usize].clone())).unwrap().unwrap();
    let carried: Vec<_> = carry.entries.iter().map(id_of).collect();
    assert_eq!(carried, ids.collect::<Vec<_>>());
}

#[test]
fn a_write_that_has_not_what_it_had_is_damage() {
    let mut retention = held(1, 1, 100);
    let error = retention.plan(after(100)).carry(|_| Ok(AtomicWrite::default())).unwrap_err();
    assert_eq!((error.kind(), error.position()), (StoreErrorKind::Damaged, Some(0)));
}

#[test]
fn while_the_clock_is_doubted_retention_says_by_how_much_it_stepped() {
    let (hour, day) = (3_600_000, 24 * 3_600_000);
    let mut retention = Retention::new();
    let records = vec![accepted(MESSAGE, 10, day), Record::Published { message_id: MESSAGE }];
    retention.note(0, &write(records), 100);
    assert!(retention.plan(after(0)).is_empty());
    let stepped = Now::new(hour as u64, START_MS + hour + 2 * day);
    assert!(retention.plan(stepped).is_empty());
    assert_eq!(retention.clock_step_ms(), Some(2 * day));
    // By the clock that was right, its day is over.
    let later = Now::new(day as u64 + 1, START_MS + 3 * day + 1);
    assert_eq!(retention.plan(later).writes(), 1);
}

//! Nothing that is needed is dropped, and nothing old is kept.

mod bounds;
mod world;

use proptest::{collection::vec, prelude::*, test_runner::Config};
use setpoint::{
    MessageId, Now,
    responder::{AuditRecord, Record},
};
use setpoint_store::{AtomicWrite, Entry, Retention};

use world::{Op, START_MS, WINDOW_MS, World, op};

proptest! {
    #![proptest_config(Config::with_cases(128))]

    #[test]
    fn nothing_needed_is_dropped_and_nothing_old_is_kept(ops in vec(op(), 1..120)) {
        let mut world = World::new();
        for op in ops {
            world.apply(op)?;
        }
        world.apply(Op::Retire { crash: false })?;
        // Once all has ended and the windows have passed, the channels are all that is left.
        while !world.open.is_empty() {
            world.apply(Op::End(vec![0]))?;
        }
        world.apply(Op::Pass(WINDOW_MS as u32 + 1))?;
        world.apply(Op::Retire { crash: true })?;
    }
}

#[test]
fn one_old_open_item_is_carried_in_its_order_and_the_rest_goes() {
    let mut world = World::new();
    world.apply(Op::Accept(1)).unwrap();
    world.apply(Op::Go(vec![0])).unwrap();
    world.apply(Op::Accept(3)).unwrap();
    world.apply(Op::Go(vec![0])).unwrap();
    for _ in 0..3 {
        world.apply(Op::End(vec![1])).unwrap();
    }
    world.apply(Op::Pass(WINDOW_MS as u32 + 1)).unwrap();
    world.apply(Op::Retire { crash: false }).unwrap();
    let kept: Vec<_> = world.log.values().collect();
    let [AtomicWrite { entries, .. }] = kept.as_slice() else { panic!("{kept:?}") };
    let id = MessageId::from_bits(1 << 64);
    assert!(matches!(
        entries.as_slice(),
        [
            Entry::Engine(Record::Accepted(command)),
            Entry::Engine(Record::Intent { message_id }),
            Entry::Engine(Record::Final { .. })
        ] if command.message_id == id && *message_id == id
    ));
}

#[test]
fn what_is_only_audit_holds_nothing_back() {
    let late = AuditRecord::Late { message_id: MessageId::from_bits(1), device_code: None, at_epoch_ms: START_MS };
    let mut retention = Retention::new();
    retention.note(0, &AtomicWrite::of_engine(Vec::new(), vec![late]), 30);
    assert_eq!(retention.plan(Now::new(0, START_MS)).drop_below(), 1);
}

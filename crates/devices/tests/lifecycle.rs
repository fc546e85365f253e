//! Offline and online, reboots, repeated, expired and retained commands, and a broker that restarts.
#![allow(missing_docs, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::{Probe, SOON, TestBroker, all_acknowledged, device, epoch_ms, invoke_payload, invoke_topic};
use setpoint_devices::{Behaviour, Command, Disposition, Entry, Fleet, FleetOptions, Freshness, STALE_CODE};

/// Long enough for everything that has to happen before the late answer is due, on a busy machine too.
const LATE_MS: u64 = 500;

fn succeed(_: &Command) -> Behaviour {
    Behaviour::succeed()
}

fn by_service(command: &Command) -> Behaviour {
    match command.target.as_str() {
        "late" => Behaviour::Late { delay_ms: LATE_MS },
        _ => Behaviour::succeed(),
    }
}

fn dispositions(fleet: &Fleet, id: &str) -> Vec<Disposition> {
    fleet.ledger().by_message_id(id).into_iter().map(|entry: Entry| entry.disposition).collect()
}

fn persistent() -> FleetOptions {
    let mut options = FleetOptions::default();
    options.persistent_session = true;
    options
}

/// Polls `done` until it is true.
async fn until(mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < SOON, "it did not happen");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

#[tokio::test]
async fn what_is_sent_to_an_absent_device_is_lost() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0), device(1)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;

    fleet.set_offline(&device(0)).await.unwrap();
    assert!(!fleet.is_online(&device(0)) && fleet.is_online(&device(1)));
    // Until the broker has noticed, it sends the command to the closed connection; either way it is lost.
    probe.invoke(&device(0), "x", "m1", "{}", "").await;
    // Other devices are not affected.
    probe.invoke(&device(1), "x", "m2", "{}", "").await;
    assert_eq!(probe.reply().await.id(), "m2");

    fleet.set_online(&device(0)).await.unwrap();
    assert!(fleet.is_online(&device(0)));
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    assert_eq!(dispositions(&fleet, "m1"), []);

    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_device_comes_back_by_itself() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    fleet.set_offline_for(&device(0), Duration::from_millis(50)).await.unwrap();
    assert!(!fleet.is_online(&device(0)));
    until(|| fleet.is_online(&device(0))).await;
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    // And earlier when it is told to.
    fleet.set_offline_for(&device(0), Duration::from_secs(3600)).await.unwrap();
    fleet.set_online(&device(0)).await.unwrap();
    assert_eq!(probe.replies_until_fence(&device(0), "g").await, []);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn an_answer_that_comes_due_offline_is_given_later() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], by_service).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    probe.invoke(&device(0), "late", "m1", "{}", "").await;
    assert!(fleet.ledger().wait_for(SOON, |ledger| ledger.executions("m1") == 1).await);
    let start = Instant::now();
    fleet.set_offline(&device(0)).await.unwrap();
    let executed = fleet.ledger().by_message_id("m1")[0].executed.unwrap();
    // Time has to pass here: the answer must come due while there is no connection.
    until(|| start.elapsed() > Duration::from_millis(LATE_MS + 50)).await;
    assert_eq!(fleet.ledger().by_message_id("m1")[0].answers, []);
    fleet.set_online(&device(0)).await.unwrap();
    assert_eq!(probe.reply().await.id(), "m1");
    let answer = fleet.ledger().by_message_id("m1").remove(0).answers.remove(0);
    assert!(answer.sent.us >= executed.us + LATE_MS * 1000);
    assert_eq!(answer.attempts, 1);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_message_id_is_executed_once_until_the_device_forgets() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0), device(1)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    for _ in 0..3 {
        probe.invoke(&device(0), "x", "m1", r#"{"a":1}"#, "").await;
    }
    let replies = [probe.reply().await, probe.reply().await, probe.reply().await];
    assert!(replies.iter().all(|reply| *reply == replies[0]), "{replies:?}");
    assert_eq!(dispositions(&fleet, "m1"), [Disposition::Executed, Disposition::Duplicate, Disposition::Duplicate]);
    assert_eq!(fleet.ledger().executions("m1"), 1);

    // A lost connection is no loss of memory.
    fleet.set_offline(&device(0)).await.unwrap();
    fleet.set_online(&device(0)).await.unwrap();
    probe.invoke(&device(0), "x", "m1", r#"{"a":1}"#, "").await;
    assert_eq!(probe.reply().await, replies[0]);
    assert_eq!(fleet.ledger().executions("m1"), 1);

    fleet.reboot(&device(0)).await.unwrap();
    probe.invoke(&device(0), "x", "m1", r#"{"a":1}"#, "").await;
    assert_eq!(probe.reply().await, replies[0]);
    assert_eq!(fleet.ledger().executions("m1"), 2);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_command_without_time_left_is_refused() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    for (id, extra) in [
        ("m1", r#","timeout":0,"deadline":99999999999999"#.to_owned()),
        ("m2", r#","timeout":-5"#.to_owned()),
        ("m3", format!(r#","deadline":{}"#, epoch_ms() - 1)),
    ] {
        probe.invoke(&device(0), "x", id, "{}", &extra).await;
        let reply = probe.reply().await;
        assert_eq!(reply.topic, "/sys/pk/dk-0/thing/service/x_reply");
        assert_eq!((reply.id().as_str(), reply.json()["code"].as_i64()), (id, Some(STALE_CODE)));
        assert_eq!(dispositions(&fleet, id), [Disposition::RefusedStale]);
        assert_eq!(fleet.ledger().executions(id), 0);
    }
    // `timeout` counts from receipt, so a wall clock that is wrong by an hour does not matter.
    let extra = format!(r#","timeout":20000,"deadline":{}"#, epoch_ms() - 3_600_000);
    probe.invoke(&device(0), "x", "m4", "{}", &extra).await;
    assert_eq!(probe.reply().await.json()["code"], 200);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn a_command_the_broker_kept_too_long_is_refused() {
    for (freshness, expected) in
        [(Freshness::Obey { clock_error_ms: 0 }, Disposition::RefusedStale), (Freshness::Ignore, Disposition::Executed)]
    {
        let broker = TestBroker::start().await;
        let mut options = persistent();
        options.freshness = freshness;
        let devices = [device(0)];
        let fleet = Fleet::connect_with(broker.broker(), devices, succeed, options).await.unwrap();
        let mut probe = Probe::connect(broker.address).await;
        fleet.set_offline(&device(0)).await.unwrap();
        let deadline = epoch_ms() + 50;
        let extra = format!(r#","timeout":50,"deadline":{deadline}"#);
        probe.invoke(&device(0), "x", "m1", "{}", &extra).await;
        // A command with time left waits at the broker as well.
        probe.invoke(&device(0), "x", "m2", "{}", r#","timeout":60000,"deadline":99999999999999"#).await;
        until(|| epoch_ms() > deadline).await;
        fleet.set_online(&device(0)).await.unwrap();
        let codes = [probe.reply().await.json(), probe.reply().await.json()];
        assert_eq!(dispositions(&fleet, "m1"), [expected]);
        assert_eq!(dispositions(&fleet, "m2"), [Disposition::Executed]);
        assert_eq!((&codes[0]["id"], &codes[1]["id"]), (&"m1".into(), &"m2".into()));
        fleet.shutdown().await;
        broker.stop().await;
    }
}

#[tokio::test]
async fn retained_commands_are_ignored() {
    let broker = TestBroker::start().await;
    let mut probe = Probe::connect(broker.address).await;
    let payload = invoke_payload("x", "m1", "{}", r#","timeout":60000"#);
    probe.publish(&invoke_topic(&device(0), "x"), &payload, true).await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let arrived = |ledger: &setpoint_devices::Ledger| ledger.len() == 1;
    assert!(fleet.ledger().wait_for(SOON, arrived).await);
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    assert_eq!(dispositions(&fleet, "m1"), [Disposition::IgnoredRetained]);
    // The broker sends it again on every new subscription.
    fleet.set_offline(&device(0)).await.unwrap();
    fleet.set_online(&device(0)).await.unwrap();
    assert!(fleet.ledger().wait_for(SOON, |ledger| ledger.by_message_id("m1").len() == 2).await);
    assert_eq!(fleet.ledger().executions("m1"), 0);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn the_fleet_survives_a_restart_of_the_broker() {
    let broker = TestBroker::start().await;
    let address = broker.address;
    let devices: Vec<_> = (0..20).map(device).collect();
    let fleet = Fleet::connect(broker.broker(), devices.clone(), by_service).await.unwrap();
    let probe = Probe::connect(address).await;
    // This answer becomes due while there is no broker.
    probe.invoke(&device(3), "late", "m1", "{}", "").await;
    assert!(fleet.ledger().wait_for(SOON, |ledger| ledger.executions("m1") == 1).await);
    let start = Instant::now();
    broker.stop().await;
    until(|| devices.iter().all(|device| !fleet.is_online(device))).await;
    until(|| start.elapsed() > Duration::from_millis(LATE_MS + 50)).await;
    // The devices reconnect meanwhile; the probe has to be subscribed before they answer.
    let broker = TestBroker::start_at(address, None).await;
    let mut probe = Probe::connect(address).await;
    for device in &devices {
        fleet.set_online(device).await.unwrap();
        probe.replies_until_fence(device, &format!("f-{device}")).await;
    }
    all_acknowledged(fleet.ledger()).await;
    assert_eq!(fleet.ledger().by_message_id("m1")[0].answers.len(), 1);
    fleet.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn shutdown_waits_until_answers_are_acknowledged() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let probe = Probe::connect(broker.address).await;
    for n in 0..300 {
        probe.send(&device(0), "x", &format!("m{n}"), "{}");
    }
    assert!(fleet.ledger().wait_for(SOON, |ledger| ledger.len() == 300).await);
    let ledger = fleet.ledger().clone();
    fleet.shutdown().await;
    for entry in ledger.entries() {
        assert!(entry.answers.len() == 1 && entry.answers[0].acknowledged.is_some(), "{entry:?}");
    }
    broker.stop().await;
}

#[tokio::test]
async fn after_a_shutdown_nothing_is_executed() {
    let broker = TestBroker::start().await;
    let fleet = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    probe.invoke(&device(0), "x", "m1", "{}", "").await;
    probe.reply().await;
    let ledger = fleet.ledger().clone();
    fleet.shutdown().await;
    // The ledger outlives the fleet; the device is gone.
    assert_eq!(ledger.executions("m1"), 1);
    probe.invoke(&device(0), "x", "m2", "{}", "").await;
    let again = Fleet::connect(broker.broker(), [device(0)], succeed).await.unwrap();
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    assert!(ledger.by_message_id("m2").is_empty());
    again.shutdown().await;
    broker.stop().await;
}

#[tokio::test]
async fn only_the_named_services_are_subscribed_to() {
    let broker = TestBroker::start().await;
    let mut options = FleetOptions::default();
    options.services = Some(vec!["x".to_owned(), "fence".to_owned()]);
    let fleet = Fleet::connect_with(broker.broker(), [device(0)], succeed, options).await.unwrap();
    let mut probe = Probe::connect(broker.address).await;
    probe.invoke(&device(0), "y", "m1", "{}", "").await;
    probe.invoke(&device(0), "x", "m2", "{}", "").await;
    assert_eq!(probe.reply().await.id(), "m2");
    probe.write(&device(0), "m3", r#"{"p":1}"#).await;
    assert_eq!(probe.reply().await.id(), "m3");
    assert_eq!(probe.replies_until_fence(&device(0), "f").await, []);
    assert_eq!(dispositions(&fleet, "m1"), []);
    fleet.shutdown().await;
    broker.stop().await;
}

//! Each behaviour, as an independent client and the ledger see it.
#![allow(missing_docs, reason = "tests")]

mod common;

use common::{Probe, TestBroker, all_acknowledged, device};
use serde_json::{Value, json};
use setpoint_devices::{Behaviour, Command, Disposition, Entry, Family, FaultMix, Fleet, Garbage, Output, Plan};

/// The invoked service names the behaviour.
fn by_service(command: &Command) -> Behaviour {
    match command.target.as_str() {
        "fail" => Behaviour::Fail { code: 2007, message: "no power".to_owned() },
        "late" => Behaviour::Late { delay_ms: 150 },
        "twice" => Behaviour::Twice,
        "conflict" => Behaviour::ConflictingTwice,
        "never" => Behaviour::Never,
        "broken" => Behaviour::Garbage(Garbage::BrokenContent),
        "notJson" => Behaviour::Garbage(Garbage::NotJson),
        "forNeighbour" => Behaviour::ForNeighbour,
        "wrongId" => Behaviour::WrongId,
        "given" => Behaviour::Succeed { output: Output::Json(json!({"level": 3})) },
        "none" => Behaviour::Succeed { output: Output::None },
        _ => Behaviour::succeed(),
    }
}

struct Bench {
    fleet: Fleet,
    probe: Probe,
    broker: TestBroker,
}

impl Bench {
    async fn new(plan: impl Plan) -> Self {
        let broker = TestBroker::start().await;
        let fleet = Fleet::connect(broker.broker(), [device(0), device(1)], plan).await.unwrap();
        let probe = Probe::connect(broker.address).await;
        Self { fleet, probe, broker }
    }

    fn entry(&self, id: &str) -> Entry {
        let mut entries = self.fleet.ledger().by_message_id(id);
        assert_eq!(entries.len(), 1, "{entries:#?}");
        entries.remove(0)
    }

    async fn end(self) {
        self.fleet.shutdown().await;
        self.broker.stop().await;
    }
}

#[tokio::test]
async fn success_echoes_the_parameters_digit_for_digit() {
    let mut bench = Bench::new(by_service).await;
    let params = r#"{"a": 1.0,"big":123456789012345678901234567890,"ü":"\u00fc"}"#;
    bench.probe.invoke(&device(0), "echo", "m1", params, r#","timeout":5000"#).await;
    let reply = bench.probe.reply().await;
    assert_eq!(reply.topic, "/sys/pk/dk-0/thing/service/echo_reply");
    assert_eq!(reply.payload, format!(r#"{{"id":"m1","code":200,"data":{params}}}"#));

    all_acknowledged(bench.fleet.ledger()).await;
    let entry = bench.entry("m1");
    assert_eq!((entry.device.clone(), entry.family), (device(0), Family::Invoke));
    assert_eq!((entry.target.as_str(), entry.params.as_str()), ("echo", params));
    assert_eq!(entry.disposition, Disposition::Executed);
    assert_eq!(entry.behaviour, Some(Behaviour::succeed()));
    assert_eq!(entry.answers.len(), 1);
    let answer = &entry.answers[0];
    assert_eq!((answer.code, answer.data.as_deref()), (Some(200), Some(params)));
    assert_eq!((answer.payload.as_str(), answer.attempts), (reply.payload.as_str(), 1));
    let executed = entry.executed.unwrap();
    assert!(entry.received.us <= executed.us && executed.us <= answer.sent.us);
    assert!(answer.sent.us <= answer.acknowledged.unwrap().us);

    bench.probe.invoke(&device(1), "given", "m2", "{}", "").await;
    assert_eq!(bench.probe.reply().await.payload, r#"{"id":"m2","code":200,"data":{"level":3}}"#);
    bench.probe.invoke(&device(1), "none", "m3", "{}", "").await;
    assert_eq!(bench.probe.reply().await.payload, r#"{"id":"m3","code":200}"#);
    bench.end().await;
}

#[tokio::test]
async fn a_write_is_answered_on_the_topic_of_writes() {
    let mut bench = Bench::new(by_service).await;
    bench.probe.write(&device(1), "w1", r#"{"setpoint":21.50}"#).await;
    let reply = bench.probe.reply().await;
    assert_eq!(reply.topic, "/sys/pk/dk-1/thing/service/measurepoint/set_reply");
    assert_eq!(reply.payload, r#"{"id":"w1","code":200,"data":{"setpoint":21.50}}"#);
    let entry = bench.entry("w1");
    assert_eq!((entry.family, entry.target.as_str()), (Family::Write, "setpoint"));
    // Both subscriptions work, and no command arrived through both.
    let before = bench.probe.replies_until_fence(&device(1), "f").await;
    assert_eq!((before, bench.fleet.ledger().len()), (vec![], 2));
    bench.end().await;
}

#[tokio::test]
async fn failures_repetitions_and_contradictions() {
    let mut bench = Bench::new(by_service).await;
    bench.probe.invoke(&device(0), "fail", "m1", "{}", "").await;
    let reply = bench.probe.reply().await;
    assert_eq!(reply.json(), json!({"id": "m1", "code": 2007, "message": "no power"}));

    bench.probe.invoke(&device(0), "twice", "m2", r#"{"a":1}"#, "").await;
    let both = bench.probe.replies_until_fence(&device(0), "f2").await;
    assert_eq!(both.len(), 2);
    assert_eq!(both[0], both[1]);
    assert_eq!(both[0].json()["code"], 200);

    bench.probe.invoke(&device(0), "conflict", "m3", "{}", "").await;
    let both = bench.probe.replies_until_fence(&device(0), "f3").await;
    let seen: Vec<(String, Value)> = both.iter().map(|reply| (reply.id(), reply.json()["code"].clone())).collect();
    assert_eq!(seen, [("m3".to_owned(), json!(200)), ("m3".to_owned(), json!(2000))]);

    for (id, answers) in [("m1", 1), ("m2", 2), ("m3", 2)] {
        assert_eq!(bench.entry(id).answers.len(), answers);
        assert_eq!(bench.fleet.ledger().executions(id), 1);
    }
    bench.end().await;
}

#[tokio::test]
async fn commands_with_late_or_missing_answers_are_executed() {
    let mut bench = Bench::new(by_service).await;
    bench.probe.invoke(&device(0), "late", "m1", "{}", "").await;
    bench.probe.invoke(&device(0), "never", "m2", "{}", "").await;
    assert_eq!(bench.probe.reply().await.id(), "m1");
    assert_eq!(bench.probe.replies_until_fence(&device(0), "f").await, []);

    let late = bench.entry("m1");
    let held_back_us = late.answers[0].sent.us - late.executed.unwrap().us;
    assert!(held_back_us >= 150_000, "{held_back_us}");
    let never = bench.entry("m2");
    assert!(never.executed.is_some());
    assert_eq!(never.answers, []);
    bench.end().await;
}

#[tokio::test]
async fn garbage_is_published_and_the_command_executed() {
    let mut bench = Bench::new(by_service).await;
    bench.probe.invoke(&device(0), "broken", "m1", "{}", "").await;
    let reply = bench.probe.reply().await;
    assert_eq!(reply.topic, "/sys/pk/dk-0/thing/service/broken_reply");
    assert_eq!(reply.id(), "m1");
    assert!(!reply.json()["code"].is_number() && !reply.json()["data"].is_object());

    bench.probe.invoke(&device(0), "notJson", "m2", "{}", "").await;
    let reply = bench.probe.reply().await;
    assert!(serde_json::from_str::<Value>(&reply.payload).is_err());

    bench.probe.invoke(&device(0), "wrongId", "m3", "{}", "").await;
    let reply = bench.probe.reply().await;
    assert_eq!(reply.topic, "/sys/pk/dk-0/thing/service/wrongId_reply");
    assert_ne!(reply.id(), "m3");

    for id in ["m1", "m2", "m3"] {
        assert_eq!(bench.fleet.ledger().executions(id), 1);
    }
    bench.end().await;
}

#[tokio::test]
async fn an_answer_may_be_published_in_the_neighbours_name() {
    let mut bench = Bench::new(by_service).await;
    for (asked, named) in [(0, 1), (1, 0)] {
        let id = format!("m{asked}");
        bench.probe.invoke(&device(asked), "forNeighbour", &id, "{}", "").await;
        let reply = bench.probe.reply().await;
        assert_eq!(reply.topic, format!("/sys/pk/dk-{named}/thing/service/forNeighbour_reply"));
        assert_eq!((reply.id(), reply.json()["code"].clone()), (id.clone(), json!(200)));
        assert_eq!(bench.entry(&id).device, device(asked));
    }
    // The neighbour receives the forged reply on its own topics, and ignores it.
    bench.probe.replies_until_fence(&device(0), "f0").await;
    bench.probe.replies_until_fence(&device(1), "f1").await;
    assert_eq!(bench.fleet.ledger().len(), 4);
    bench.end().await;
}

#[tokio::test]
async fn what_is_not_a_command_is_only_recorded() {
    let mut bench = Bench::new(by_service).await;
    for payload in ["{", "", r#"{"id":"m1","params":{},"method":"thing.service.other"}"#] {
        bench.probe.publish("/sys/pk/dk-0/thing/service/x", payload, false).await;
    }
    assert_eq!(bench.probe.replies_until_fence(&device(0), "f").await, []);
    let entries = bench.fleet.ledger().entries();
    assert_eq!(entries.len(), 4);
    for entry in &entries[..3] {
        assert!(matches!(entry.disposition, Disposition::Malformed { .. }), "{entry:?}");
        assert_eq!((entry.executed, entry.answers.len()), (None, 0));
    }
    bench.end().await;
}

#[tokio::test]
async fn one_seed_gives_the_same_faults_in_every_run() {
    let mut runs = Vec::new();
    for run in 0..2 {
        let mut mix = FaultMix::new(7);
        (mix.fail, mix.twice, mix.never) = (25.0, 25.0, 25.0);
        let bench = Bench::new(mix.build().unwrap()).await;
        // Message ids and order differ between the runs.
        for n in 0..40 {
            let n = if run == 0 { n } else { 39 - n };
            let (id, params) = (format!("r{run}-{n}"), format!(r#"{{"n":{n}}}"#));
            bench.probe.invoke(&device(n % 2), "set", &id, &params, "").await;
        }
        bench.fleet.ledger().wait_for(common::SOON, |ledger| ledger.len() == 40).await;
        let mut chosen: Vec<_> = bench
            .fleet
            .ledger()
            .entries()
            .into_iter()
            .map(|entry| (entry.device, entry.params, format!("{:?}", entry.behaviour)))
            .collect();
        chosen.sort();
        let kinds: std::collections::HashSet<_> = chosen.iter().map(|(_, _, kind)| kind).collect();
        assert_eq!(kinds.len(), 4, "{kinds:?}");
        runs.push(chosen);
        bench.end().await;
    }
    assert_eq!(runs[0], runs[1]);
}

//! The responder against a small reference model: random scripts, crashes among them.
//!
//! The model knows which request ids are taken with which content, nothing else. Of everything the responder does
//! in between, only what is promised is asked for: the right verdict for every item, one final value for every
//! accepted item, no success without an execution, and nothing sent twice.

use std::collections::{BTreeMap, HashMap, HashSet};

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::MessageId;

use super::super::{BatchTicket, HandedOver, Record};
use super::harness::{Rig, item};

#[derive(Debug, Clone)]
enum Step {
    /// Items as (request id, content).
    Batch(Vec<(u8, u8)>),
    Answer {
        pick: usize,
        code: i64,
        neighbour: bool,
    },
    HandedOver {
        pick: usize,
        how: u8,
    },
    Pass(u64),
    Link(bool),
    ConfirmOneWrite,
    ConfirmWrites,
    ConfirmPublications,
    StoreConfirms(bool),
    Crash(i64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        5 => proptest::collection::vec((0u8..12, 0u8..2), 1..5).prop_map(Step::Batch),
        6 => (any::<usize>(), prop_oneof![3 => Just(200), 1 => Just(2000)], proptest::bool::weighted(0.1))
            .prop_map(|(pick, code, neighbour)| Step::Answer { pick, code, neighbour }),
        2 => (any::<usize>(), 0u8..3).prop_map(|(pick, how)| Step::HandedOver { pick, how }),
        3 => (0u64..1_500).prop_map(Step::Pass),
        1 => any::<bool>().prop_map(Step::Link),
        2 => Just(Step::ConfirmOneWrite),
        2 => Just(Step::ConfirmWrites),
        2 => Just(Step::ConfirmPublications),
        1 => any::<bool>().prop_map(Step::StoreConfirms),
        1 => (-2_000i64..2_000).prop_map(Step::Crash),
    ]
}

fn content(id: u8, content: u8) -> Value {
    let mut item = item(&format!("r{id}"), id % 10);
    item["inputData"]["content"] = json!(content);
    item
}

#[derive(Debug, Default)]
struct Model {
    /// What each request id was taken for.
    taken: HashMap<u8, u8>,
    /// The verdicts that each unanswered batch must get.
    verdicts: HashMap<BatchTicket, Vec<i64>>,
    checked: usize,
    /// Message ids that the device answered with 200.
    executed: HashSet<MessageId>,
    /// Those of them whose answer the responder heard since it was last started.
    heard: HashSet<MessageId>,
}

impl Model {
    fn judge(&mut self, items: &[(u8, u8)]) -> Vec<i64> {
        let uses = |id: u8| items.iter().filter(|(other, _)| *other == id).count();
        items
            .iter()
            .map(|(id, content)| match self.taken.get(id) {
                _ if uses(*id) > 1 => 1000,
                Some(taken) if taken == content => 0,
                Some(_) => 1000,
                None => {
                    self.taken.insert(*id, *content);
                    0
                }
            })
            .collect()
    }

    /// Answers that have come must say what the model says.
    fn check_answers(&mut self, rig: &Rig) {
        for (batch, (status, body)) in rig.answered.iter().zip(&rig.answers).skip(self.checked) {
            assert_eq!(*status, 200, "{body}");
            let found: Vec<_> =
                body["data"].as_array().unwrap().iter().map(|reply| reply["status"].as_i64().unwrap()).collect();
            assert_eq!(self.verdicts.remove(batch), Some(found), "{batch:?} {body}");
        }
        self.checked = rig.answers.len();
    }

    /// What was not stored has never happened.
    fn crash(&mut self, rig: &Rig) {
        self.verdicts.clear();
        self.heard.clear();
        self.taken.clear();
        for record in &rig.stored {
            if let Record::Accepted(command) = record {
                let id = command.request_id.strip_prefix('r').unwrap().parse().unwrap();
                let input: Value = serde_json::from_str(command.input.as_ref().unwrap()).unwrap();
                self.taken.insert(id, u8::try_from(input["content"].as_u64().unwrap()).unwrap());
            }
        }
    }
}

fn run(steps: &[Step]) {
    let mut rig = Rig::new();
    rig.channel_confirms = false;
    let mut model = Model::default();
    for step in steps {
        match step {
            Step::Batch(items) => {
                let verdicts = model.judge(items);
                // Told before the call: the answer may come within it.
                let batch = BatchTicket(rig.batches() + 1);
                model.verdicts.insert(batch, verdicts);
                let data: Vec<_> = items.iter().map(|(id, variant)| content(*id, *variant)).collect();
                assert_eq!(rig.invoke(json!(data)), batch);
            }
            Step::Answer { pick, code, neighbour } if !rig.sent.is_empty() => {
                let mut sent = rig.sent[pick % rig.sent.len()].clone();
                if *neighbour {
                    sent.topic = "/sys/p/d99/thing/service/s".into();
                } else if *code == 200 {
                    model.executed.insert(sent.message_id);
                    model.heard.insert(sent.message_id);
                }
                rig.answer(&sent, *code, json!({ "by": sent.message_id.to_string() }));
            }
            Step::HandedOver { pick, how } if !rig.sent.is_empty() => {
                let how = [HandedOver::Taken, HandedOver::NotSent, HandedOver::Unclear][usize::from(*how)];
                let pick = pick % rig.sent.len();
                let message_id = rig.sent[pick].message_id;
                if how == HandedOver::NotSent {
                    match (model.executed.contains(&message_id), model.heard.contains(&message_id)) {
                        // It says that the command never left, so it may be sent once more.
                        (false, _) => drop(rig.sent.remove(pick)),
                        // Who has heard the answer knows better.
                        (true, true) => {}
                        // The answer was lost in a crash: then the link's word is all there is, and this link would lie.
                        (true, false) => continue,
                    }
                }
                rig.handed_over(message_id, how);
            }
            Step::Answer { .. } | Step::HandedOver { .. } => {}
            Step::Pass(ms) => rig.pass(*ms),
            Step::Link(up) => rig.link(*up),
            Step::ConfirmOneWrite => rig.confirm_one_write(),
            Step::ConfirmWrites => rig.confirm_writes(),
            Step::ConfirmPublications => rig.confirm_publications(),
            Step::StoreConfirms(confirms) => rig.store_confirms = *confirms,
            Step::Crash(down_ms) => {
                rig.crash(*down_ms);
                model.crash(&rig);
            }
        }
        model.check_answers(&rig);
    }
    // Everything heals, and time passes.
    rig.store_confirms = true;
    rig.confirm_writes();
    rig.pass(1_500);
    rig.confirm_publications();
    model.check_answers(&rig);
    assert!(model.verdicts.is_empty(), "never answered: {:?}", model.verdicts);
    check_finals(&rig, &model);
    check_nothing_is_left(&mut rig);
}

fn check_finals(rig: &Rig, model: &Model) {
    let mut finals: BTreeMap<&str, Vec<&Value>> = BTreeMap::new();
    for reply in &rig.published {
        finals.entry(reply["requestId"].as_str().unwrap()).or_default().push(reply);
    }
    for (id, variant) in &model.taken {
        let values = finals.remove(&*format!("r{id}")).unwrap_or_default();
        assert!(!values.is_empty(), "r{id} was accepted and has no final");
        for value in values {
            assert_eq!(value["inputData"]["content"], json!(variant), "r{id} ended with another content");
            assert_eq!(
                value["status"],
                rig.published.iter().find(|v| v["requestId"] == value["requestId"]).unwrap()["status"]
            );
            if value["status"] == 0 {
                let by: MessageId = value["outputData"]["by"].as_str().unwrap().parse().unwrap();
                assert!(model.executed.contains(&by), "success without an execution");
                let sent = rig.sent.iter().find(|sent| sent.message_id == by).unwrap();
                assert_eq!(sent.payload["params"], value["inputData"], "somebody else's success");
            }
        }
    }
    assert!(finals.is_empty(), "finals of what was never accepted: {finals:?}");
    let ids: HashSet<_> = rig.sent.iter().map(|sent| sent.message_id).collect();
    assert_eq!(ids.len(), rig.sent.len(), "a command was sent twice");
}

fn check_nothing_is_left(rig: &mut Rig) {
    let stats = rig.responder.stats();
    assert_eq!((stats.pending, stats.outbox), (0, 0));
    // Only a spurious wake-up may be left in the timers.
    rig.pass(1 << 40);
    assert_eq!(rig.responder.poll_timeout(), None);
    assert_eq!(rig.responder.stats().remembered, 0, "request ids are kept for ever");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]
    #[test]
    fn whatever_happens_every_accepted_item_ends_once(steps in proptest::collection::vec(step(), 1..80)) {
        run(&steps);
    }
}

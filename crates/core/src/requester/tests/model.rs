//! The requester against a reference model: a map from request id to the state of its item.

use std::collections::BTreeMap;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::{Family, Now, Requester, submsg};

use super::super::{Event, OutcomeRef, RequestBatchId, RequesterConfig, Summary};

const TIMEOUT_MS: u64 = 1_000;
const GRACE_MS: u64 = 500;

#[derive(Debug, Clone)]
enum Step {
    Submit(Vec<u8>),
    /// For each item of the batch, whether it is accepted.
    Response(usize, u8),
    Refuse(usize),
    Resend(usize),
    Cancel(usize),
    /// Replies as (request id, which outcome).
    Message(Vec<(u8, u8)>),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => proptest::collection::vec(0u8..30, 1..5).prop_map(Step::Submit),
        3 => (any::<usize>(), any::<u8>()).prop_map(|(batch, mask)| Step::Response(batch, mask)),
        1 => any::<usize>().prop_map(Step::Refuse),
        1 => any::<usize>().prop_map(Step::Resend),
        1 => any::<usize>().prop_map(Step::Cancel),
        6 => proptest::collection::vec((0u8..32, 0u8..4), 1..5).prop_map(Step::Message),
        3 => (0u64..900).prop_map(Step::Pass),
    ]
}

/// The state of the item with a request id.
#[derive(Debug, Clone, Copy, PartialEq)]
enum State {
    Open {
        batch: u64,
        accepted: bool,
        deadline: u64,
    },
    /// The last outcome that came for it, if any did.
    Ended {
        heard: Option<u8>,
    },
}

#[derive(Debug, Default)]
struct Model {
    now: u64,
    ids: BTreeMap<u8, State>,
    attempts: BTreeMap<u64, u32>,
    members: BTreeMap<u64, Vec<u8>>,
    ends: BTreeMap<u64, Summary>,
    /// The expected events, as texts.
    expected: Vec<String>,
}

impl Model {
    /// Whether this is the first sign that the service has accepted the item.
    fn accept(&mut self, id: u8) -> bool {
        let Some(State::Open { batch, accepted, .. }) = self.ids.get_mut(&id) else { return false };
        let is_new = !std::mem::replace(accepted, true);
        self.ends.get_mut(batch).unwrap().accepted += usize::from(is_new);
        is_new
    }

    fn end(&mut self, id: u8, how: &str, heard: Option<u8>) {
        let Some(State::Open { batch, .. }) = self.ids.get(&id).copied() else { return };
        let summary = self.ends.get_mut(&batch).unwrap();
        let count = match how {
            "refused" => &mut summary.refused,
            "succeeded" => &mut summary.succeeded,
            "failed" => &mut summary.failed,
            "cancelled" => &mut summary.cancelled,
            _ => &mut summary.timed_out,
        };
        *count += 1;
        self.expected.push(format!("{how} r{id}"));
        match how {
            "refused" => self.ids.remove(&id),
            _ => self.ids.insert(id, State::Ended { heard }),
        };
        if self.open_in(batch).is_empty() {
            self.expected.push(format!("done {batch} {:?}", self.ends[&batch]));
            self.attempts.remove(&batch);
        }
    }

    fn open_in(&self, batch: u64) -> Vec<u8> {
        let is_open = |id: &u8| matches!(self.ids.get(id), Some(State::Open { batch: of, .. }) if *of == batch);
        self.members[&batch].iter().copied().filter(is_open).collect()
    }

    fn message(&mut self, id: u8, outcome: u8) {
        match self.ids.get_mut(&id) {
            None => self.expected.push(format!("unknown r{id}")),
            Some(State::Ended { heard }) => self.expected.push(match heard.replace(outcome) {
                None => format!("late r{id}"),
                Some(before) => format!("duplicate r{id} {}", before != outcome),
            }),
            Some(State::Open { .. }) => {
                self.accept(id);
                self.end(
                    id,
                    ["succeeded", "failed", "timedOut false", "timedOut true"][usize::from(outcome)],
                    Some(outcome),
                );
            }
        }
    }

    /// The items whose deadlines have passed, in order of deadline, equal ones in the order in which they were set.
    fn pass(&mut self, ms: u64, order: &[u8]) {
        self.now += ms;
        let mut over: Vec<(u64, usize, u8)> = Vec::new();
        for (id, state) in &self.ids {
            if let State::Open { deadline, .. } = state
                && *deadline <= self.now
            {
                over.push((*deadline, order.iter().rposition(|other| other == id).unwrap(), *id));
            }
        }
        over.sort_unstable();
        for (_, _, id) in over {
            self.end(id, "timedOut false", None);
        }
    }
}

fn outcome(id: u8, outcome: u8) -> Value {
    let (status, submsg) = match outcome {
        0 => (0, "SUCCESS"),
        1 => (1_000_204, "device code 2000"),
        2 => (1_000_203, submsg::TIMED_OUT),
        _ => (1_000_203, submsg::EXPIRED_UNSENT),
    };
    json!({ "requestId": format!("r{id}"), "controlChannelId": "c", "serviceId": "s", "status": status, "submsg": submsg })
}

fn describe(event: Event<OutcomeRef<'_>>) -> String {
    let id = |item: &super::super::ItemRef| item.request_id().unwrap().to_owned();
    match event {
        Event::Accepted { item } => format!("accepted {}", id(&item)),
        Event::Refused { item, .. } => format!("refused {}", id(&item)),
        Event::Finished { item, outcome } if outcome.code().is_success() => format!("succeeded {}", id(&item)),
        Event::Finished { item, .. } => format!("failed {}", id(&item)),
        Event::TimedOut { item, known_unsent, .. } => format!("timedOut {known_unsent} {}", id(&item)),
        Event::Cancelled { item } => format!("cancelled {}", id(&item)),
        Event::Late { item, .. } => format!("late {}", id(&item)),
        Event::Duplicate { item, conflict, .. } => format!("duplicate {} {conflict}", id(&item)),
        Event::Unknown { outcome } => {
            let (parts, message) = outcome.parts();
            format!("unknown {}", parts.request_id(message).unwrap().decode())
        }
        Event::BatchDone { batch, summary } => format!("done {} {summary:?}", batch.0),
        Event::Unreadable { reason } => panic!("{reason}"),
    }
}

/// With `tells`, events of messages are emitted at once (`handle_message_each`) and not polled.
fn run(steps: &[Step], tells: bool) {
    let config = RequesterConfig { grace_ms: GRACE_MS, ..RequesterConfig::default() };
    let mut requester = Requester::new("o1", config, [5; 32]);
    let mut model = Model::default();
    let mut batches: Vec<u64> = Vec::new();
    // An id is in it once more each time its deadline was restarted.
    let mut order: Vec<u8> = Vec::new();
    for step in steps {
        let mut found = Vec::new();
        let now = Now::new(model.now, 0);
        let pick = |pick: usize| batches.get(pick % batches.len().max(1)).copied();
        match step {
            Step::Submit(ids) => {
                let mut ids = ids.clone();
                ids.sort_unstable();
                ids.dedup();
                let data: Vec<_> = ids
                    .iter()
                    .map(|id| {
                        json!({ "requestId": format!("r{id}"), "controlChannelId": "DATASVC.CONTROL.c",
                                      "assetId": "a", "serviceId": "s", "timeout": TIMEOUT_MS })
                    })
                    .collect();
                let result =
                    requester.submit_body(Family::Invoke, json!({ "data": data }).to_string().into_bytes(), now);
                let is_free = ids.iter().all(|id| !model.ids.contains_key(id));
                assert_eq!(result.is_ok(), is_free, "{result:?}");
                if let Ok(submission) = result {
                    let batch = submission.batch.0;
                    let deadline = model.now + TIMEOUT_MS + GRACE_MS;
                    for id in &ids {
                        model.ids.insert(*id, State::Open { batch, accepted: false, deadline });
                        order.push(*id);
                    }
                    model.ends.insert(batch, Summary { submitted: ids.len(), ..Summary::default() });
                    model.attempts.insert(batch, 1);
                    model.members.insert(batch, ids);
                    batches.push(batch);
                }
            }
            Step::Response(batch, mask) => {
                let Some(batch) = pick(*batch) else { continue };
                let replies: Vec<_> = model.members[&batch]
                    .iter()
                    .enumerate()
                    .map(|(index, id)| {
                        let status = if mask >> index & 1 == 1 { 0 } else { 1000 };
                        json!({ "requestId": format!("r{id}"), "status": status })
                    })
                    .collect();
                for (index, id) in model.open_in_all(batch) {
                    if mask >> index & 1 == 1 {
                        if let Some(State::Open { deadline, .. }) = model.ids.get_mut(&id) {
                            *deadline = model.now + TIMEOUT_MS + GRACE_MS;
                            order.push(id);
                        }
                        if model.accept(id) {
                            model.expected.push(format!("accepted r{id}"));
                        }
                    } else if matches!(model.ids[&id], State::Open { accepted: false, .. }) {
                        model.end(id, "refused", None);
                    }
                }
                let body = json!({ "status": 0, "msg": "Success", "submsg": null, "data": replies }).to_string();
                requester.handle_response(RequestBatchId(batch), body.as_bytes(), now).unwrap();
            }
            Step::Refuse(batch) => {
                let Some(batch) = pick(*batch) else { continue };
                let body = json!({ "status": 503, "msg": "Service Unavailable", "submsg": null }).to_string();
                if model.attempts.get(&batch) == Some(&1) {
                    for id in model.open_in(batch) {
                        if matches!(model.ids[&id], State::Open { accepted: false, .. }) {
                            model.end(id, "refused", None);
                        }
                    }
                }
                requester.handle_response(RequestBatchId(batch), body.as_bytes(), now).unwrap();
            }
            Step::Resend(batch) => {
                let Some(batch) = pick(*batch) else { continue };
                if let Some(attempts) = model.attempts.get_mut(&batch) {
                    *attempts += 1;
                }
                for id in model.open_in(batch) {
                    if let Some(State::Open { deadline, .. }) = model.ids.get_mut(&id) {
                        *deadline = model.now + TIMEOUT_MS + GRACE_MS;
                        order.push(id);
                    }
                }
                requester.resend(RequestBatchId(batch), now);
            }
            Step::Cancel(batch) => {
                let Some(batch) = pick(*batch) else { continue };
                for id in model.open_in(batch) {
                    model.end(id, "cancelled", None);
                }
                requester.cancel(RequestBatchId(batch));
            }
            Step::Message(replies) => {
                let data: Vec<_> = replies.iter().map(|(id, what)| outcome(*id, *what)).collect();
                for (id, what) in replies {
                    model.message(*id, *what);
                }
                let message = json!({ "data": data }).to_string();
                let count = if tells {
                    requester.handle_message_each(message.as_bytes(), |event| found.push(describe(event)))
                } else {
                    requester.handle_message(message.as_bytes())
                };
                assert_eq!(count, Ok(replies.len()));
            }
            Step::Pass(ms) => {
                model.pass(*ms, &order);
                requester.handle_timeout(Now::new(model.now, 0));
            }
        }
        found.extend(std::iter::from_fn(|| requester.poll_event()).map(|event| describe(event.borrowed())));
        assert_eq!(found, std::mem::take(&mut model.expected), "after {step:?}");
    }
    model.pass(1 << 20, &order);
    requester.handle_timeout(Now::new(model.now, 0));
    let found: Vec<_> = std::iter::from_fn(|| requester.poll_event()).map(|event| describe(event.borrowed())).collect();
    assert_eq!(found, model.expected);
    assert_eq!((requester.open_items(), requester.poll_timeout()), (0, None));
    for (batch, summary) in &model.ends {
        let ended = summary.refused + summary.succeeded + summary.failed + summary.timed_out + summary.cancelled;
        assert_eq!(summary.submitted, ended, "batch {batch}");
    }
}

impl Model {
    /// The open items of the batch with their positions in it.
    fn open_in_all(&self, batch: u64) -> Vec<(usize, u8)> {
        let open = self.open_in(batch);
        self.members[&batch].iter().copied().enumerate().filter(|(_, id)| open.contains(id)).collect()
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_said_every_item_ends_once(
        steps in proptest::collection::vec(step(), 1..60),
        tells in any::<bool>(),
    ) {
        run(&steps, tells);
    }
}

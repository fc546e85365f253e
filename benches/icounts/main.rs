//! Fixed scenarios for instruction counts: `icounts SCENARIO REPETITIONS` does a scenario so many times and prints
//! nothing; `icounts` lists them, each with the items of one repetition. scripts/icounts runs them under callgrind.
//!
//! What is prepared does not depend on the number of repetitions, so it falls out of the difference of two counts.

use std::{env, hint::black_box, num::NonZeroUsize, process::ExitCode};

use setpoint::{
    Family, Limits, Now, Requester, Responder,
    check::{check, check_form},
    reply::read_spans,
    request::read_batch,
    requester::RequesterConfig,
    responder::{CheckedBatch, Effect, ResponderConfig},
};
use setpoint_benches::{Churn, Conversation, EPOCH_MS, ORG, Park, SEED, batch, batch_from, message, nth_id, small};

/// The most repetitions that anything is prepared for.
const MOST: usize = 11;
const NOW: Now = Now::new(0, EPOCH_MS);
const LIMITS: Limits = Limits::DEFAULT;

type Run = fn(Family, usize, usize);

struct Scenario {
    name: &'static str,
    family: Family,
    items: usize,
    run: Run,
}

const fn scenario(name: &'static str, family: Family, items: usize, run: Run) -> Scenario {
    Scenario { name, family, items, run }
}

static SCENARIOS: [Scenario; 14] = [
    scenario("read-invoke-1", Family::Invoke, 1, read),
    scenario("read-invoke-1000", Family::Invoke, 1_000, read),
    scenario("read-write-1000", Family::Write, 1_000, read),
    scenario("read-message-1000", Family::Invoke, 1_000, read_replies),
    scenario("respond-invoke-1", Family::Invoke, 1, respond),
    scenario("respond-invoke-1000", Family::Invoke, 1_000, respond),
    scenario("respond-write-1000", Family::Write, 1_000, respond),
    scenario("respond-directory-1000", Family::Invoke, 1_000, respond_with_directory),
    scenario("admit-1000", Family::Invoke, 1_000, admit),
    scenario("submit-1000", Family::Invoke, 1_000, submit),
    scenario("ingest-1000", Family::Invoke, 1_000, ingest),
    scenario("expire-1000", Family::Invoke, 1_000, expire),
    scenario("churn-10000", Family::Invoke, 100, churn),
    scenario("end-to-end-100", Family::Invoke, 100, end_to_end),
];

fn main() -> ExitCode {
    let mut args = env::args().skip(1);
    let Some(name) = args.next() else {
        #[allow(clippy::print_stdout, reason = "it is what was asked for")]
        for scenario in &SCENARIOS {
            println!("{} {}", scenario.name, scenario.items);
        }
        return ExitCode::SUCCESS;
    };
    let repetitions = args.next().and_then(|count| count.parse().ok()).filter(|count| *count <= MOST);
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name);
    let (Some(repetitions), Some(scenario)) = (repetitions, scenario) else { return ExitCode::from(2) };
    (scenario.run)(scenario.family, scenario.items, repetitions);
    ExitCode::SUCCESS
}

fn read(family: Family, items: usize, repetitions: usize) {
    let batch = batch(family, items);
    for _ in 0..repetitions {
        let _ = black_box(read_batch(black_box(&batch.body), family, ORG, &LIMITS));
    }
}

fn read_replies(family: Family, items: usize, repetitions: usize) {
    let message = message(family, &ids(0, items));
    let mut replies = Vec::with_capacity(items);
    for _ in 0..repetitions {
        let _ = black_box(read_spans(black_box(&message), &LIMITS, &mut replies));
    }
}

fn respond(family: Family, items: usize, repetitions: usize) {
    let batch = batch(family, items);
    for _ in 0..repetitions {
        black_box(check_form(black_box(&batch.body), family, ORG, &LIMITS, NOW));
    }
}

fn respond_with_directory(family: Family, items: usize, repetitions: usize) {
    let (batch, park) = (batch(family, items), Park::new());
    for _ in 0..repetitions {
        black_box(check(black_box(&batch.body), family, ORG, &park, &LIMITS, NOW));
    }
}

/// What the service does with a batch up to its answer: reads it, admits it, and has it stored.
fn admit(family: Family, items: usize, repetitions: usize) {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let bodies: Vec<_> = (0..MOST).map(|_| batch_from(&mut rng, family, items).body).collect();
    let park = Park::new();
    let mut config = ResponderConfig::default();
    config.pending_per_device = NonZeroUsize::MAX;
    let mut responder = Responder::new(config, [7; 32]);
    for body in bodies.into_iter().take(repetitions) {
        let batch = CheckedBatch::read(black_box(body), family, ORG, &park, &LIMITS, NOW);
        responder.handle_batch(batch, NOW);
        while let Some(effect) = black_box(responder.poll_effect(NOW)) {
            if let Effect::Persist { write, .. } = effect {
                responder.handle_persisted(write, NOW);
            }
        }
    }
}

fn submit(family: Family, items: usize, repetitions: usize) {
    let bodies: Vec<_> = (0..MOST).map(|n| body(n, items)).collect();
    let mut requester = requester();
    for body in bodies.into_iter().take(repetitions) {
        let _ = black_box(requester.submit_body(family, body, NOW));
    }
}

fn ingest(family: Family, items: usize, repetitions: usize) {
    let messages: Vec<_> = (0..MOST).map(|n| message(family, &ids(n, items))).collect();
    let mut requester = submitted(items);
    for message in messages.iter().take(repetitions) {
        let _ = black_box(requester.handle_message(message));
        while black_box(requester.poll_event()).is_some() {}
    }
}

fn expire(_: Family, items: usize, repetitions: usize) {
    let mut requester = submitted(items);
    for n in 1..=repetitions as u64 {
        // The batches expire one after the other.
        requester.handle_timeout(Now::new(n * STAGGER_MS + 50_000, EPOCH_MS));
        while black_box(requester.poll_event()).is_some() {}
    }
}

fn churn(_: Family, _: usize, repetitions: usize) {
    let mut churn = Churn::new(10_000);
    churn.fill();
    let steps: Vec<_> = (0..MOST).map(|_| churn.prepare()).collect();
    for step in steps.into_iter().take(repetitions) {
        churn.submit(step.body, step.now);
        if let Some(message) = step.message {
            churn.ingest(&message);
        }
        churn.expire(step.now);
        while black_box(churn.poll()).is_some() {}
    }
}

fn end_to_end(family: Family, items: usize, repetitions: usize) {
    let mut rng = fastrand::Rng::with_seed(SEED);
    let bodies: Vec<_> = (0..=MOST).map(|_| batch_from(&mut rng, family, items).body).collect();
    let mut conversation = Conversation::new();
    for body in bodies.into_iter().take(repetitions) {
        black_box(conversation.hold(family, body));
    }
}

/// How far apart the batches of [`submitted`] expire.
const STAGGER_MS: u64 = 1_000;

fn requester() -> Requester {
    Requester::new(ORG, RequesterConfig::default(), [7; 32])
}

/// A requester with the most batches that are needed in flight. The last expires soonest after 45 seconds.
fn submitted(items: usize) -> Requester {
    let mut requester = requester();
    for n in 0..MOST {
        let submitted = requester.submit_body(Family::Invoke, body(n, items), NOW);
        debug_assert!(submitted.is_ok());
    }
    requester
}

fn body(n: usize, items: usize) -> Vec<u8> {
    let timeout_ms = 45_000 + (n as u64 + 1) * STAGGER_MS;
    small::batch(ids(n, items).into_iter().map(|id| (id, timeout_ms as u32)))
}

/// The ids of the `n`th batch of so many items.
fn ids(n: usize, items: usize) -> Vec<String> {
    let first = (n * items) as u64;
    (first..first + items as u64).map(nth_id).collect()
}

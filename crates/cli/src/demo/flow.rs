//! Sends the orders, and records how every item ended and how long that took.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use indicatif::ProgressBar;
use setpoint_client::{Client, Event, Family, ItemRef, Outcome, Outcomes, Stats, Summary};
use setpoint_devices::DeviceId;
use tokio::task::JoinSet;

use super::{
    books::{End, Ended, ItemOutcome},
    farm::Farm,
    orders::{Batch, expected_answers},
};
use crate::{
    failure::{Failure, exit},
    latency::Latencies,
};

/// How long answers may take after the last item has ended.
const STRAGGLER_TIMEOUT: Duration = Duration::from_secs(8);
const POLL_INTERVAL: Duration = Duration::from_millis(50);

/// The result of all orders.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) ends: Vec<Ended>,
    pub(super) accepted: usize,
    pub(super) latencies: LatenciesByEnd,
    pub(super) seconds: f64,
    /// What the clients received that belonged to no open item.
    pub(super) stats: [Stats; 2],
}

/// From the submission of an item's batch to its end.
#[derive(Debug)]
pub(super) struct LatenciesByEnd {
    pub(super) succeeded: Latencies,
    pub(super) failed: Latencies,
    pub(super) refused: Latencies,
    pub(super) timed_out: Latencies,
}

impl LatenciesByEnd {
    fn new() -> Self {
        let empty = Latencies::new;
        Self { succeeded: empty(), failed: empty(), refused: empty(), timed_out: empty() }
    }

    fn record(&mut self, end: &End, latency: Duration) {
        let latencies = match end {
            End::Refused { .. } => &mut self.refused,
            End::Finished(outcome) if outcome.code.is_success() => &mut self.succeeded,
            End::Finished(_) => &mut self.failed,
            End::TimedOut { .. } => &mut self.timed_out,
            End::Cancelled => return,
        };
        latencies.record(latency);
    }
}

/// The events of one batch.
struct BatchResult {
    ends: Vec<(Ended, Duration)>,
    summary: Option<Summary>,
}

/// Sends every batch and waits for every item.
pub(super) async fn send(farm: &Farm, batches: Vec<Batch>, bar: ProgressBar) -> Result<Flow, Failure> {
    let started = Instant::now();
    let clients = [farm.client(Family::Invoke).await?, farm.client(Family::Write).await?];
    let mut readers = JoinSet::new();
    for (number, batch) in batches.into_iter().enumerate() {
        let client: &Client = match batch.family {
            Family::Invoke => &clients[0],
            Family::Write => &clients[1],
        };
        let sent = Instant::now();
        let outcomes = client.send_body(batch.family, batch.body).await?;
        readers.spawn(read(number, outcomes, sent, bar.clone()));
    }
    let mut flow = Flow {
        ends: Vec::new(),
        accepted: 0,
        latencies: LatenciesByEnd::new(),
        seconds: 0.0,
        stats: [Stats::default(); 2],
    };
    while let Some(result) = readers.join_next().await {
        let result = result.map_err(|error| Failure::new(exit::INTERNAL, format!("a reader ended: {error}")))?;
        flow.accepted += result.summary.map_or(0, |summary| summary.accepted);
        for (ended, latency) in result.ends {
            flow.latencies.record(&ended.end, latency);
            flow.ends.push(ended);
        }
    }
    flow.seconds = started.elapsed().as_secs_f64();
    flow.stats = [clients[0].stats(), clients[1].stats()];
    for client in clients {
        client.close().await;
    }
    Ok(flow)
}

async fn read(batch: usize, mut outcomes: Outcomes, sent: Instant, bar: ProgressBar) -> BatchResult {
    let mut result = BatchResult { ends: Vec::with_capacity(outcomes.items()), summary: None };
    while let Some(event) = outcomes.next_event().await {
        let latency = sent.elapsed();
        let (item, end) = match event {
            Event::Refused { item, refusal } => (item, End::Refused { code: refusal.code }),
            Event::Finished { item, outcome } => (item, End::Finished(item_outcome(&outcome))),
            Event::TimedOut { item, known_unsent, .. } => (item, End::TimedOut { known_unsent }),
            Event::Cancelled { item } => (item, End::Cancelled),
            Event::BatchDone { summary, .. } => {
                result.summary = Some(summary);
                continue;
            }
            _ => continue,
        };
        let ItemRef { index, .. } = item;
        result.ends.push((Ended { batch, index, end }, latency));
        bar.inc(1);
    }
    result
}

fn item_outcome(outcome: &Outcome) -> ItemOutcome {
    let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned).unwrap_or_default();
    ItemOutcome {
        family: outcome.family(),
        request_id: outcome.request_id().into_owned(),
        code: outcome.code(),
        submsg: text(outcome.submsg()),
        device: DeviceId::new(text(outcome.product_key()), text(outcome.device_key())),
        asset_id: text(outcome.asset_id()),
        target: text(outcome.target()),
        output: outcome.output_data().to_owned(),
    }
}

/// Waits for the answers that arrive after their items have ended. Returns what is then wrong with the gateway's count of
/// answers: each answer of a device ends an item, or is late, repeated, or of an unknown item.
pub(super) async fn await_stragglers(farm: &Farm) -> Vec<String> {
    let until = Instant::now() + STRAGGLER_TIMEOUT;
    loop {
        let (mut given, mut owed) = (0, 0);
        for entry in farm.fleet.ledger().entries() {
            given += entry.answers.iter().filter(|answer| answer.acknowledged.is_some()).count();
            owed += entry.behaviour.as_ref().map_or(0, expected_answers);
        }
        let stats = farm.gateway.stats();
        let counted = stats.succeeded
            + stats.failed
            + stats.late
            + stats.duplicate
            + stats.conflict
            + stats.unknown
            + stats.wrong_device
            + stats.unreadable;
        if given == owed && counted == given as u64 && stats.pending == 0 && stats.outbox == 0 {
            return Vec::new();
        }
        if Instant::now() > until {
            return vec![format!(
                "the devices owe {owed} answers and gave {given}, and the gateway counts {counted}; {} items are pending \
                 there and {} unpublished",
                stats.pending, stats.outbox
            )];
        }
        tokio::time::sleep(POLL_INTERVAL).await;
    }
}

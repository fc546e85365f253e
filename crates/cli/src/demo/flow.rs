//! Sends the orders, and writes down how every item ended and how long that took.

use std::{
    borrow::Cow,
    time::{Duration, Instant},
};

use hdrhistogram::Histogram;
use indicatif::ProgressBar;
use setpoint::{
    Family,
    requester::{Event, ItemRef, Outcome, Summary},
};
use setpoint_client::{Client, Outcomes, Stats};
use setpoint_devices::DeviceId;
use tokio::task::JoinSet;

use super::{
    books::{End, Ended, Told},
    farm::Farm,
    orders::{Batch, answers},
};
use crate::failure::{Failure, exit};

/// How long the last answers may be on their way after the last item has ended.
const STRAGGLERS: Duration = Duration::from_secs(8);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

/// What came of the orders.
#[derive(Debug)]
pub(super) struct Flow {
    pub(super) ends: Vec<Ended>,
    pub(super) accepted: usize,
    pub(super) times: Times,
    pub(super) seconds: f64,
    /// What the clients received that belongs to no open item.
    pub(super) stats: [Stats; 2],
}

/// From the submission of an item's batch to its end, in microseconds.
#[derive(Debug)]
pub(super) struct Times {
    pub(super) succeeded: Histogram<u64>,
    pub(super) failed: Histogram<u64>,
    pub(super) refused: Histogram<u64>,
    pub(super) timed_out: Histogram<u64>,
}

impl Times {
    fn new() -> Self {
        // From a microsecond to ten minutes, three digits: these bounds cannot fail.
        let empty = || Histogram::new_with_bounds(1, 600_000_000, 3).expect("the bounds are constant and in order");
        Self { succeeded: empty(), failed: empty(), refused: empty(), timed_out: empty() }
    }

    fn note(&mut self, end: &End, took: Duration) {
        let times = match end {
            End::Refused { .. } => &mut self.refused,
            End::Finished(told) if told.code.is_success() => &mut self.succeeded,
            End::Finished(_) => &mut self.failed,
            End::TimedOut { .. } => &mut self.timed_out,
            End::Cancelled => return,
        };
        times.saturating_record(u64::try_from(took.as_micros()).unwrap_or(u64::MAX));
    }
}

/// One batch, read to its end.
struct Read {
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
    let mut flow =
        Flow { ends: Vec::new(), accepted: 0, times: Times::new(), seconds: 0.0, stats: [Stats::default(); 2] };
    while let Some(read) = readers.join_next().await {
        let read = read.map_err(|error| Failure::new(exit::INTERNAL, format!("a reader ended: {error}")))?;
        flow.accepted += read.summary.map_or(0, |summary| summary.accepted);
        for (ended, took) in read.ends {
            flow.times.note(&ended.end, took);
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

async fn read(batch: usize, mut outcomes: Outcomes, sent: Instant, bar: ProgressBar) -> Read {
    let mut read = Read { ends: Vec::with_capacity(outcomes.items()), summary: None };
    while let Some(event) = outcomes.next_event().await {
        let took = sent.elapsed();
        let (item, end) = match event {
            Event::Refused { item, refusal } => (item, End::Refused { code: refusal.code }),
            Event::Finished { item, outcome } => (item, End::Finished(told(&outcome))),
            Event::TimedOut { item, known_unsent, .. } => (item, End::TimedOut { known_unsent }),
            Event::Cancelled { item } => (item, End::Cancelled),
            Event::BatchDone { summary, .. } => {
                read.summary = Some(summary);
                continue;
            }
            _ => continue,
        };
        let ItemRef { index, .. } = item;
        read.ends.push((Ended { batch, index, end }, took));
        bar.inc(1);
    }
    read
}

fn told(outcome: &Outcome) -> Told {
    let text = |text: Option<Cow<'_, str>>| text.map(Cow::into_owned).unwrap_or_default();
    Told {
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

/// Waits for the answers that come after their items have ended, and says what is then wrong with the gateway's own
/// count of answers: each one that a device gave ends an item or is late, a repetition, or of nobody.
pub(super) async fn stragglers(farm: &Farm) -> Vec<String> {
    let until = Instant::now() + STRAGGLERS;
    loop {
        let (mut given, mut owed) = (0, 0);
        for entry in farm.fleet.ledger().entries() {
            given += entry.answers.iter().filter(|answer| answer.acknowledged.is_some()).count();
            owed += entry.behaviour.as_ref().map_or(0, answers);
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
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

//! Sends batches at the times that the plan says.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use indicatif::ProgressBar;
use tokio::{
    task::JoinSet,
    time::{Instant, MissedTickBehavior, interval, sleep_until, timeout_at},
};

use super::{
    item::{End, TIMEOUT_MS},
    rig::Way,
    tally::{Tally, Window},
};
use crate::{
    failure::{Failure, exit},
    lock::{into_inner, lock},
};

/// An item that has not ended by then never will: its own timeout, and time for the end to arrive.
const PATIENCE: Duration = Duration::from_millis(TIMEOUT_MS as u64 + 15_000);
const REDRAW: Duration = Duration::from_millis(200);

/// When the next batch is sent.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arrivals {
    /// When an earlier one has ended, so that their number under way is constant.
    Closed { in_flight: u32 },
    /// At fixed times: a rate in items a second.
    Open { rate: f64 },
}

/// What is sent, when, and for how long.
#[derive(Debug, Clone, Copy)]
pub(super) struct Plan {
    pub(super) arrivals: Arrivals,
    /// Items in a batch.
    pub(super) items: u32,
    pub(super) warmup: Duration,
    pub(super) duration: Duration,
}

impl Plan {
    /// For how long items are sent, in whole seconds: the length of the progress bar.
    pub(super) fn seconds(&self) -> usize {
        usize::try_from((self.warmup + self.duration).as_secs().max(1)).unwrap_or(usize::MAX)
    }
}

/// Shared by all senders.
struct Load {
    way: Way,
    items: u32,
    /// The number of the next item.
    next: AtomicU64,
    ended: AtomicU64,
    tally: Mutex<Tally>,
}

/// Sends what is planned, and returns when every item has ended or was given up.
pub(super) async fn run(way: Way, plan: &Plan, bar: ProgressBar, name: &'static str) -> Result<Tally, Failure> {
    let start = Instant::now();
    let window = Window { from: start + plan.warmup, until: start + plan.warmup + plan.duration };
    let load = Arc::new(Load {
        way,
        items: plan.items,
        next: AtomicU64::new(0),
        ended: AtomicU64::new(0),
        tally: Mutex::new(Tally::new(window)),
    });
    let drawing = tokio::spawn(draw(Arc::clone(&load), bar, start, name));
    let outcome = match plan.arrivals {
        Arrivals::Closed { in_flight } => closed(&load, in_flight, window.until).await,
        Arrivals::Open { rate } => open(&load, rate, start, window.until).await,
    };
    drawing.abort();
    // It holds a reference to the load until it has ended.
    let _ = drawing.await;
    outcome?;
    let load = Arc::into_inner(load).ok_or_else(|| Failure::new(exit::INTERNAL, "a sender is left"))?;
    Ok(into_inner(load.tally))
}

async fn closed(load: &Arc<Load>, in_flight: u32, until: Instant) -> Result<(), Failure> {
    let mut senders = JoinSet::new();
    for _ in 0..in_flight {
        let load = Arc::clone(load);
        senders.spawn(async move {
            while Instant::now() < until {
                load.batch(Instant::now()).await?;
            }
            Ok(())
        });
    }
    join_all(senders).await
}

async fn open(load: &Arc<Load>, rate: f64, start: Instant, until: Instant) -> Result<(), Failure> {
    let distance = f64::from(load.items) / rate;
    let mut senders = JoinSet::new();
    for number in 0_u32.. {
        // Computed from the start, so that errors do not add up and a late batch does not delay the next ones.
        let intended = start + Duration::from_secs_f64(distance * f64::from(number));
        if intended >= until {
            break;
        }
        sleep_until(intended).await;
        let load = Arc::clone(load);
        senders.spawn(async move { load.batch(intended).await });
        while let Some(ended) = senders.try_join_next() {
            sender_result(ended)?;
        }
    }
    join_all(senders).await
}

async fn join_all(mut senders: JoinSet<Result<(), Failure>>) -> Result<(), Failure> {
    while let Some(ended) = senders.join_next().await {
        sender_result(ended)?;
    }
    Ok(())
}

fn sender_result(ended: Result<Result<(), Failure>, tokio::task::JoinError>) -> Result<(), Failure> {
    ended.unwrap_or_else(|error| Err(Failure::new(exit::INTERNAL, format!("a sender ended: {error}"))))
}

impl Load {
    /// Sends a batch that was to be sent at `intended`, and waits until all its items have ended.
    async fn batch(&self, intended: Instant) -> Result<(), Failure> {
        let first = self.next.fetch_add(u64::from(self.items), Ordering::Relaxed);
        let items = self.items as usize;
        let mut ends: Vec<End> = Vec::with_capacity(items);
        let mut sent = self.way.send(first, items).await?;
        let patience = Instant::now() + PATIENCE;
        while let Ok(Some(end)) = timeout_at(patience, sent.next()).await {
            ends.push(end);
        }
        self.ended.fetch_add(ends.len() as u64, Ordering::Relaxed);
        lock(&self.tally).batch(items, intended, &ends);
        Ok(())
    }
}

async fn draw(load: Arc<Load>, bar: ProgressBar, start: Instant, name: &'static str) {
    let mut tick = interval(REDRAW);
    tick.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        tick.tick().await;
        let elapsed = start.elapsed();
        let rate = load.ended.load(Ordering::Relaxed) as f64 / elapsed.as_secs_f64().max(0.001);
        bar.set_position(elapsed.as_secs());
        bar.set_message(format!("s  {name}: {rate:.0} items/s"));
    }
}

//! A million in flight, submitted and answered as fast as it goes, and how long each call took.

use std::time::{Duration, Instant};

use hdrhistogram::Histogram;
use setpoint_benches::Churn;

use super::{Calls, Counted, Steady, Times, in_use};
use crate::measure::cpu_time;

const IN_FLIGHT: usize = 1_000_000;
/// Taken before anything is measured, so that every table has seen its largest.
const WARM_UP_STEPS: usize = 2_000;

pub(super) fn measure(seconds: u64, counted: Counted) -> Steady {
    let mut churn = Churn::new(IN_FLIGHT);
    churn.fill();
    let mut calls = [
        ("submit a batch", Timer::new()),
        ("take a message", Timer::new()),
        ("expire", Timer::new()),
        ("drain events", Timer::new()),
    ];
    for _ in 0..WARM_UP_STEPS {
        step(&mut churn, &mut calls);
    }
    for (_, timer) in &mut calls {
        *timer = Timer::new();
    }
    let before = in_use(counted);
    let (start, mut steps) = (Instant::now(), 0);
    while start.elapsed() < Duration::from_secs(seconds) {
        step(&mut churn, &mut calls);
        steps += 1;
    }
    let items = steps * churn.batch() as u64;
    let spent: f64 = calls.iter().map(|(_, timer)| timer.total.as_nanos() as f64).sum();
    Steady {
        in_flight: IN_FLIGHT,
        batch: churn.batch(),
        seconds,
        items,
        nanos_an_item: spent / items.max(1) as f64,
        growth: in_use(counted) / before,
        calls: calls.iter().map(|(name, timer)| timer.calls(name)).collect(),
    }
}

fn step(churn: &mut Churn, calls: &mut [(&str, Timer); 4]) {
    let step = churn.prepare();
    let [(_, submit), (_, message), (_, expire), (_, drain)] = calls;
    submit.time(|| churn.submit(step.body, step.now));
    if let Some(body) = &step.message {
        message.time(|| churn.ingest(body));
    }
    expire.time(|| churn.expire(step.now));
    drain.time(|| while churn.poll().is_some() {});
}

struct Timer {
    cpu: Histogram<u64>,
    wall: Histogram<u64>,
    total: Duration,
}

impl Timer {
    fn new() -> Self {
        // Three significant digits are always possible.
        let histogram = || Histogram::new(3).expect("a histogram");
        Self { cpu: histogram(), wall: histogram(), total: Duration::ZERO }
    }

    fn time(&mut self, call: impl FnOnce()) {
        let (wall, cpu) = (Instant::now(), cpu_time());
        call();
        let (cpu, wall) = (cpu_time() - cpu, wall.elapsed());
        self.total += cpu;
        for (histogram, time) in [(&mut self.cpu, cpu), (&mut self.wall, wall)] {
            // It grows to whatever comes.
            let _ = histogram.record(u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    fn calls(&self, name: &str) -> Calls {
        Calls { name: name.to_owned(), count: self.cpu.len(), cpu: times(&self.cpu), wall: times(&self.wall) }
    }
}

fn times(histogram: &Histogram<u64>) -> Times {
    let at = |quantile| histogram.value_at_quantile(quantile) as f64 / 1e6;
    Times {
        median_ms: at(0.5),
        p99_ms: at(0.99),
        p99_9_ms: at(0.999),
        p99_99_ms: at(0.9999),
        max_ms: histogram.max() as f64 / 1e6,
    }
}

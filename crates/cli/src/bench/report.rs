//! The report of a bench, for a person and for a program.

use std::time::Duration;

use serde::Serialize;

use super::{
    args::Args,
    load::{Arrivals, Plan},
    tally::Tally,
};
use crate::{
    failure::Failure,
    latency::Latencies,
    output::{Output, Tone, table},
};

/// Everything that `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    setup: Setup,
    pub(super) runs: Vec<Run>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) comparison: Option<Comparison>,
    /// `balanced` or `wrong`.
    books: &'static str,
}

/// What was asked for, and the machine on which it ran.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Setup {
    /// How many; `null` with `--list`.
    devices: Option<u32>,
    batch: u32,
    warmup_seconds: f64,
    seconds: f64,
    service: String,
    wildcards: bool,
    /// Processors available to this process.
    cores: usize,
    /// Whether gateway, devices and client shared them.
    shared_cores: bool,
}

/// One measurement.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Run {
    /// `bare` or `gateway`.
    way: &'static str,
    /// `closed` or `open`.
    arrivals: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    in_flight: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    rate_per_second: Option<f64>,
    /// Successes.
    pub(super) items_per_second: f64,
    /// Processor time of this process for each item; `null` where the system does not report it.
    cpu_micros_per_item: Option<f64>,
    /// `sending`, or `intendedSending` in the open loop.
    latency_from: &'static str,
    /// Of successes; `null` if there were none.
    pub(super) latency_ms: Option<Latency>,
    items: Items,
    /// Commands that the devices executed; `null` with `--url`.
    executed: Option<u64>,
    wrong: Vec<String>,
}

/// How the items ended, including those of the warm-up.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Items {
    submitted: u64,
    succeeded: u64,
    failed: u64,
    refused: u64,
    timed_out: u64,
    cancelled: u64,
}

/// From the sending of a batch to the end of an item, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    p50: f64,
    p90: f64,
    pub(super) p99: f64,
    p999: f64,
    max: f64,
}

/// What `--compare` found.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The gateway's rate divided by that of bare MQTT; the median of the turns.
    pub(super) ratio: f64,
    pub(super) targets: [Target; 3],
}

/// A target, and whether it was met.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) target: f64,
    pub(super) measured: f64,
    pub(super) met: bool,
}

impl Latency {
    fn of(latencies: &Latencies) -> Option<Self> {
        let at = |quantile| latencies.quantile_ms(quantile);
        (!latencies.is_empty()).then(|| Self {
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            max: latencies.max_ms(),
        })
    }
}

impl Setup {
    pub(super) fn new(args: &Args) -> Self {
        Self {
            devices: args.list.is_none().then_some(args.devices),
            batch: args.batch,
            warmup_seconds: args.warmup.as_secs_f64(),
            seconds: args.duration.as_secs_f64(),
            service: args.service.clone(),
            wildcards: args.wildcards,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            shared_cores: args.url.is_none(),
        }
    }

    pub(super) fn print(&self, out: &Output) -> Result<(), Failure> {
        let devices =
            self.devices.map_or_else(|| "devices of a list".to_owned(), |devices| format!("{devices} devices"));
        let cores = self.cores;
        let shared = if self.shared_cores {
            format!("Client, gateway, broker and devices share {cores} processors and one process.")
        } else {
            format!("The client has {cores} processors, shared with whatever else runs on this machine.")
        };
        out.line(format_args!(
            "Batches of {} to {devices}; {} s each, after {} s of warm-up. {shared}",
            self.batch, self.seconds, self.warmup_seconds
        ))
    }
}

impl Run {
    pub(super) fn new(
        way: &'static str,
        plan: &Plan,
        tally: &Tally,
        cpu: Option<Duration>,
        executed: Option<u64>,
        wrong: Vec<String>,
    ) -> Self {
        let (arrivals, in_flight, rate_per_second, latency_from) = match plan.arrivals {
            Arrivals::Closed { in_flight } => ("closed", Some(in_flight), None, "sending"),
            Arrivals::Open { rate } => ("open", None, Some(rate), "intendedSending"),
        };
        Self {
            way,
            arrivals,
            in_flight,
            rate_per_second,
            items_per_second: tally.rate(),
            cpu_micros_per_item: cpu.map(|cpu| cpu.as_secs_f64() * 1e6 / (tally.submitted.max(1) as f64)),
            latency_from,
            latency_ms: Latency::of(&tally.latencies),
            items: Items {
                submitted: tally.submitted,
                succeeded: tally.succeeded,
                failed: tally.failed,
                refused: tally.refused,
                timed_out: tally.timed_out,
                cancelled: tally.cancelled,
            },
            executed,
            wrong,
        }
    }

    fn load(&self) -> String {
        match (self.in_flight, self.rate_per_second) {
            (Some(batches), _) => format!("closed, {batches} batches in flight"),
            (_, Some(rate)) => format!("open, {rate:.0} items/s"),
            _ => self.arrivals.to_owned(),
        }
    }
}

impl Report {
    pub(super) fn new(setup: Setup) -> Self {
        Self { setup, runs: Vec::new(), comparison: None, books: "wrong" }
    }

    /// Decides whether the books balance, once all runs are in the report.
    pub(super) fn close(&mut self) {
        self.books = if self.balances() { "balanced" } else { "wrong" };
    }

    pub(super) fn balances(&self) -> bool {
        self.runs.iter().all(|run| run.wrong.is_empty())
    }

    pub(super) fn print(&self, out: &Output) -> Result<(), Failure> {
        let header = [
            "way",
            "load",
            "items/s",
            "CPU µs/item",
            "p50 ms",
            "p90 ms",
            "p99 ms",
            "p99.9 ms",
            "max ms",
            "not succeeded",
        ];
        let mut rows = table(&header);
        for run in &self.runs {
            let cpu = run.cpu_micros_per_item.map(|cpu| format!("{cpu:.0}")).unwrap_or_default();
            let mut row = vec![run.way.to_owned(), run.load(), format!("{:.0}", run.items_per_second), cpu];
            match run.latency_ms {
                Some(Latency { p50, p90, p99, p999, max }) => {
                    row.extend([p50, p90, p99, p999, max].map(|ms| format!("{ms:.1}")));
                }
                None => row.extend([const { String::new() }; 5]),
            }
            row.push((run.items.submitted - run.items.succeeded).to_string());
            rows.add_row(row);
        }
        out.table(rows)?;
        out.line(format_args!(
            "Latency is from the sending of a batch to the end of an item; in the open loop from the moment at which \
             the batch was to be sent."
        ))?;
        if let Some(comparison) = &self.comparison {
            let mut rows = table(&["target", "", "measured", ""]);
            for target in &comparison.targets {
                let (tone, word) = if target.met { (Tone::Good, "met") } else { (Tone::Unsure, "falls short") };
                let number = |number: f64| if number < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") };
                rows.add_row([
                    target.name.to_owned(),
                    number(target.target),
                    number(target.measured),
                    out.paint(tone, word),
                ]);
            }
            out.table(rows)?;
        }
        self.print_books(out)
    }

    fn print_books(&self, out: &Output) -> Result<(), Failure> {
        if self.balances() {
            let word = out.paint(Tone::Good, "The books balance.");
            return out.line(format_args!("{word} Every item ended exactly once, with its own device's answer."));
        }
        let word = out.paint(Tone::Bad, "The books are wrong.");
        out.line(format_args!("{word}"))?;
        for run in &self.runs {
            for wrong in &run.wrong {
                out.line(format_args!("  - {}, {}: {wrong}", run.way, run.load()))?;
            }
        }
        Ok(())
    }
}

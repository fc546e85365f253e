//! The report of the demo, for a person and for a program.

use std::collections::BTreeMap;

use serde::Serialize;
use setpoint::responder::ResponderStats;

use super::{
    books::Books,
    flow::{Flow, LatenciesByEnd},
    sample_run::SampleResult,
};
use crate::{
    failure::Failure,
    latency::Latencies,
    output::{Output, Tone, escape, table},
};

/// Printed for a person, at most; the JSON has all.
const MAX_FAULTS_PRINTED: usize = 20;

/// Everything that `--json` prints.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    pub(super) submitted: usize,
    pub(super) accepted: usize,
    pub(super) refused: u64,
    pub(super) succeeded: u64,
    pub(super) failed: u64,
    pub(super) timed_out: u64,
    /// Answers of devices and replies on channels that arrived after their item had ended without one.
    pub(super) late: u64,
    /// Those that repeated, or contradicted, an earlier one.
    pub(super) duplicate: u64,
    /// Those that belong to no item: unknown ids, other devices, garbage.
    pub(super) unknown: u64,
    pub(super) unaccounted: usize,
    pub(super) misattributed: usize,
    pub(super) latency_ms: BTreeMap<&'static str, Latency>,
    /// From the first batch to the last end.
    pub(super) seconds: f64,
    pub(super) devices: usize,
    pub(super) seed: u64,
    /// `balanced` or `wrong`.
    pub(super) books: &'static str,
    pub(super) wrong: Vec<String>,
    pub(super) samples: Vec<SampleResult>,
}

/// From the submission of a batch to the end of an item, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Latency {
    pub(super) p50: f64,
    pub(super) p90: f64,
    pub(super) p99: f64,
    pub(super) max: f64,
}

impl Latency {
    fn of(latencies: &Latencies) -> Self {
        let at = |quantile| latencies.quantile_ms(quantile);
        Self { p50: at(0.5), p90: at(0.9), p99: at(0.99), max: latencies.max_ms() }
    }
}

impl Report {
    pub(super) fn new(
        flow: &Flow,
        stats: &ResponderStats,
        books: Books,
        samples: Vec<SampleResult>,
        (submitted, devices, seed): (usize, usize, u64),
    ) -> Self {
        let [one, other] = flow.stats;
        let kinds = kinds(&flow.latencies);
        let latency_ms = kinds
            .iter()
            .filter(|(_, times)| !times.is_empty())
            .map(|(kind, times)| (*kind, Latency::of(times)))
            .collect();
        let [succeeded, failed, refused, timed_out] = kinds.map(|(_, times)| times.len());
        Self {
            submitted,
            accepted: flow.accepted,
            refused,
            succeeded,
            failed,
            timed_out,
            late: stats.late + one.late + other.late,
            duplicate: stats.duplicate + stats.conflict + one.duplicate + other.duplicate,
            unknown: stats.unknown
                + stats.wrong_device
                + stats.unreadable
                + [one, other].map(|stats| stats.unknown + stats.unreadable).iter().sum::<u64>(),
            unaccounted: books.unaccounted,
            misattributed: books.misattributed,
            latency_ms,
            seconds: flow.seconds,
            devices,
            seed,
            books: if books.balance() { "balanced" } else { "wrong" },
            wrong: books.wrong,
            samples,
        }
    }

    pub(super) fn print(&self, out: &Output) -> Result<(), Failure> {
        let mut rows = table(&["outcome", "items", "p50 ms", "p90 ms", "p99 ms", "max ms"]);
        for (word, kind, count) in [
            ("succeeded", "succeeded", self.succeeded),
            ("failed", "failed", self.failed),
            ("refused", "refused", self.refused),
            ("timed out", "timedOut", self.timed_out),
        ] {
            let mut row = vec![word.to_owned(), count.to_string()];
            if let Some(latency) = self.latency_ms.get(kind) {
                row.extend([latency.p50, latency.p90, latency.p99, latency.max].map(|ms| format!("{ms:.1}")));
            }
            rows.add_row(row);
        }
        rows.add_row(["all".to_owned(), self.submitted.to_string()]);
        out.table(rows)?;
        out.line(format_args!(
            "Answers that ended nothing: {} late, {} repeated, {} of nobody. {:.1} s, seed {}.",
            self.late, self.duplicate, self.unknown, self.seconds, self.seed
        ))?;
        self.print_books(out)
    }

    fn print_books(&self, out: &Output) -> Result<(), Failure> {
        if self.wrong.is_empty() {
            let word = out.paint(Tone::Good, "The books balance.");
            return out.line(format_args!(
                "{word} Every item ended exactly once (unaccounted 0, misattributed 0), every success was executed by \
                 that very device with that very input, every failure is what its device was ordered to answer, and no \
                 command was executed twice."
            ));
        }
        let word = out.paint(Tone::Bad, "The books are wrong.");
        out.line(format_args!("{word} {} unaccounted, {} misattributed:", self.unaccounted, self.misattributed))?;
        for wrong in self.wrong.iter().take(MAX_FAULTS_PRINTED) {
            out.line(format_args!("  - {}", escape(wrong)))?;
        }
        if self.wrong.len() > MAX_FAULTS_PRINTED {
            out.line(format_args!("  … and {} more (--json has them all)", self.wrong.len() - MAX_FAULTS_PRINTED))?;
        }
        Ok(())
    }
}

/// Each kind of end with its latencies.
fn kinds(latencies: &LatenciesByEnd) -> [(&'static str, &Latencies); 4] {
    [
        ("succeeded", &latencies.succeeded),
        ("failed", &latencies.failed),
        ("refused", &latencies.refused),
        ("timedOut", &latencies.timed_out),
    ]
}

/// Prints the outcomes of a sample batch.
pub(super) fn print_sample(out: &Output, result: &SampleResult) -> Result<(), Failure> {
    out.line(format_args!("{} batch of org {}:", result.family.name(), result.org_id))?;
    let mut rows = table(&["requestId", "outcome", "what came back"]);
    for line in &result.lines {
        let id = line.request_id.as_deref().map(escape).unwrap_or_default();
        rows.add_row([id, line.word().to_owned(), line.detail()]);
    }
    out.table(rows)
}

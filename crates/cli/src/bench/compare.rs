//! Bare MQTT and the gateway in turns, then the gateway at half its rate, against the targets.

use serde::Serialize;

use super::{
    Args,
    load::Arrivals,
    measure,
    report::{Report, Run},
};
use crate::{failure::Failure, out::Out};

/// Of the bare round-trip rate.
const RATIO: f64 = 0.6;
const ITEMS_PER_S: f64 = 10_000.0;
const P99_MS: f64 = 50.0;
/// How often each of the two has its turn. A machine's speed changes within minutes: what is measured one after the
/// other is compared turn by turn. An odd number, so that one of the turns is the median.
const TURNS: usize = 3;

/// What the measurements say together.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The gateway's rate by that of bare MQTT, in the median of the turns.
    pub(super) ratio: f64,
    pub(super) targets: [Target; 3],
}

/// A target, and how it was met.
#[derive(Debug, Serialize)]
pub(super) struct Target {
    pub(super) name: &'static str,
    pub(super) target: f64,
    pub(super) measured: f64,
    pub(super) met: bool,
}

pub(super) async fn run(args: &Args, out: &mut Out, report: &mut Report) -> Result<(), Failure> {
    let closed = Arrivals::Closed { in_flight: args.in_flight };
    let mut turns = Vec::new();
    for turn in 0..TURNS {
        // Each of them is the first one at times: what comes second finds a machine that is warm, or hot.
        let bare_first = turn % 2 == 0;
        let first = measure(args, bare_first, closed, out).await?;
        let second = measure(args, !bare_first, closed, out).await?;
        turns.push(if bare_first { (first, second) } else { (second, first) });
    }
    let rate = |run: &Run| run.items_per_second;
    let ratio = median(turns.iter().map(|(bare, gateway)| rate(gateway) / rate(bare).max(f64::MIN_POSITIVE)));
    let gateway = median(turns.iter().map(|(_, gateway)| rate(gateway)));
    // At least one item a second, or the next batch would never come.
    let half = Arrivals::Open { rate: (gateway / 2.0).max(1.0) };
    let open = measure(args, false, half, out).await?;
    let p99 = open.latency_ms.map_or(f64::INFINITY, |latency| latency.p99);
    report.comparison = Some(compare(ratio, gateway, p99));
    report.runs.extend(turns.into_iter().flat_map(|(bare, gateway)| [bare, gateway]));
    report.runs.push(open);
    Ok(())
}

/// The one in the middle.
fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

fn compare(ratio: f64, gateway: f64, p99: f64) -> Comparison {
    let at_least = |name, target, measured| Target { name, target, measured, met: measured >= target };
    Comparison {
        ratio,
        targets: [
            at_least("gateway by bare MQTT, at least", RATIO, ratio),
            at_least("items a second through the gateway, at least", ITEMS_PER_S, gateway),
            Target { name: "p99 ms at half that load, under", target: P99_MS, measured: p99, met: p99 < P99_MS },
        ],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_target_is_met_or_not_by_itself() {
        let met = |ratio, gateway, p99| compare(ratio, gateway, p99).targets.map(|target| target.met);
        assert_eq!(met(0.67, 10_000.0, 49.9), [true, true, true]);
        assert_eq!(met(0.5, 10_000.0, 50.0), [false, true, false]);
        assert_eq!(met(0.6, 9_000.0, 1.0), [true, false, true]);
    }

    #[test]
    fn one_turn_that_went_badly_decides_nothing() {
        assert_eq!(median([0.7, 0.1, 0.6].into_iter()), 0.6);
        assert_eq!(median([f64::INFINITY, 0.1, 0.6].into_iter()), 0.6);
    }
}

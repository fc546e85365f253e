//! `bench --compare`: bare MQTT and the gateway in turns, then the gateway at half its rate, against the targets.

use super::{
    args::Args,
    load::Arrivals,
    measure::measure,
    report::{Comparison, Report, Run, Target},
};
use crate::{failure::Failure, output::Output};

/// The gateway's rate, as a share of that of bare MQTT.
const TARGET_RATIO: f64 = 0.6;
const TARGET_ITEMS_PER_S: f64 = 10_000.0;
/// At half the gateway's rate.
const TARGET_P99_MS: f64 = 50.0;
/// How many times each of the two is measured. A machine's speed changes within minutes, so each measurement is compared
/// with the one next to it. An odd number, so that one of them is the median.
const TURNS: usize = 3;

pub(super) async fn run(args: &Args, out: &mut Output, report: &mut Report) -> Result<(), Failure> {
    let closed = Arrivals::Closed { in_flight: args.in_flight };
    let mut turns = Vec::new();
    for turn in 0..TURNS {
        // Which one goes first alternates, because the second one runs on a warmer machine.
        let bare_first = turn % 2 == 0;
        let first = measure(args, bare_first, closed, out).await?;
        let second = measure(args, !bare_first, closed, out).await?;
        turns.push(if bare_first { (first, second) } else { (second, first) });
    }
    let rate = |run: &Run| run.items_per_second;
    let ratio = median(turns.iter().map(|(bare, gateway)| rate(gateway) / rate(bare).max(f64::MIN_POSITIVE)));
    let gateway = median(turns.iter().map(|(_, gateway)| rate(gateway)));
    // At least one item a second, or the second batch would never be sent.
    let half = Arrivals::Open { rate: (gateway / 2.0).max(1.0) };
    let open = measure(args, false, half, out).await?;
    let p99 = open.latency_ms.map_or(f64::INFINITY, |latency| latency.p99);
    report.comparison = Some(compare(ratio, gateway, p99));
    report.runs.extend(turns.into_iter().flat_map(|(bare, gateway)| [bare, gateway]));
    report.runs.push(open);
    Ok(())
}

/// The median of an odd number of values.
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
            at_least("gateway by bare MQTT, at least", TARGET_RATIO, ratio),
            at_least("items a second through the gateway, at least", TARGET_ITEMS_PER_S, gateway),
            Target {
                name: "p99 ms at half that load, under",
                target: TARGET_P99_MS,
                measured: p99,
                met: p99 < TARGET_P99_MS,
            },
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
    fn one_outlier_does_not_change_the_median() {
        assert_eq!(median([0.7, 0.1, 0.6].into_iter()), 0.6);
        assert_eq!(median([f64::INFINITY, 0.1, 0.6].into_iter()), 0.6);
    }
}

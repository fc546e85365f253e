//! Bare MQTT, the gateway, and the gateway at half its rate, against the targets.

use serde::Serialize;

use super::{Args, load::Arrivals, measure, report::Report};
use crate::{failure::Failure, out::Out};

/// Of the bare round-trip rate.
const RATIO: f64 = 0.6;
const ITEMS_PER_S: f64 = 10_000.0;
const P99_MS: f64 = 50.0;

/// What the measurements say together.
#[derive(Debug, Serialize)]
pub(super) struct Comparison {
    /// The gateway's rate by that of bare MQTT.
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
    let bare = measure(args, true, closed, out).await?;
    let gateway = measure(args, false, closed, out).await?;
    // At least one item a second, or the next batch would never come.
    let half = Arrivals::Open { rate: (gateway.items_per_second / 2.0).max(1.0) };
    let open = measure(args, false, half, out).await?;
    let p99 = open.latency_ms.map_or(f64::INFINITY, |latency| latency.p99);
    report.comparison = Some(compare(bare.items_per_second, gateway.items_per_second, p99));
    report.runs.extend([bare, gateway, open]);
    Ok(())
}

fn compare(bare: f64, gateway: f64, p99: f64) -> Comparison {
    let ratio = gateway / bare.max(f64::MIN_POSITIVE);
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
        let met = |bare, gateway, p99| compare(bare, gateway, p99).targets.map(|target| target.met);
        assert_eq!(met(15_000.0, 10_000.0, 49.9), [true, true, true]);
        assert_eq!(met(20_000.0, 10_000.0, 50.0), [false, true, false]);
        assert_eq!(met(12_000.0, 9_000.0, 1.0), [true, false, true]);
    }
}

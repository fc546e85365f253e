//! The arguments of `setpoint bench`.

use std::{path::PathBuf, time::Duration};

use clap::value_parser;

use super::duration_arg::parse_duration;

/// Measure the round trip of items: HTTP, broker, simulated devices, channel, client.
///
/// Everything runs in this process, on free ports of this machine's loopback, and stops by itself: what is measured
/// shares its processors with the devices and with the client. Every device answers success at once, with its input as
/// output.
///
/// The closed loop (the default) keeps --in-flight batches under way and sends the next one when one has ended. The
/// open loop (--rate) sends batches at fixed moments, whether or not earlier ones have ended, and measures from the
/// moment at which a batch was to be sent: what a stall delays counts as slow, also if it was sent late
/// ("coordinated omission").
#[derive(Debug, clap::Args)]
#[command(after_help = HELP)]
pub(crate) struct Args {
    /// How many devices; the items go to them in turn.
    #[arg(long, default_value_t = 200, value_parser = value_parser!(u32).range(1..=2_000), value_name = "N")]
    pub(super) devices: u32,
    /// Items in a batch.
    #[arg(long, default_value_t = 100, value_parser = value_parser!(u32).range(1..=1_000), value_name = "N")]
    pub(super) batch: u32,
    /// How long to measure, such as 500ms, 10s or 2m.
    #[arg(long, default_value = "10s", value_parser = parse_duration, value_name = "TIME")]
    pub(super) duration: Duration,
    /// How long to send before that without measuring; what is sent then is in the books as well.
    #[arg(long, default_value = "2s", value_parser = parse_duration, value_name = "TIME")]
    pub(super) warmup: Duration,
    /// Closed loop: batches under way at once.
    #[arg(long, default_value_t = 4, value_parser = value_parser!(u32).range(1..=1_000), value_name = "N")]
    pub(super) in_flight: u32,
    /// Open loop: items a second, sent as batches at equal distances.
    #[arg(long, value_parser = value_parser!(u32).range(1..=10_000_000), value_name = "ITEMS_PER_S")]
    pub(super) rate: Option<u32>,
    /// The same traffic without the gateway: one MQTT client publishes the commands through the same broker, the same
    /// devices answer, and replies are matched by id.
    #[arg(long, conflicts_with_all = ["compare", "url"])]
    pub(super) bare: bool,
    /// Measure bare MQTT and the gateway in the closed loop, three times in turns, then the gateway in the open loop at
    /// half the rate that it reached, and hold the medians against the targets.
    #[arg(long, conflicts_with_all = ["rate", "url"])]
    pub(super) compare: bool,
    /// Devices subscribe to all their services with one wildcard filter each, which the embedded broker tries one by
    /// one on every message, instead of to the one that is called.
    #[arg(long, conflicts_with = "url")]
    pub(super) wildcards: bool,
    /// Measure a gateway that runs already, with devices that run already.
    #[arg(long, requires_all = ["org", "list"], value_name = "URL")]
    pub(super) url: Option<String>,
    /// With --url: the org in whose name the items are sent.
    #[arg(long, requires = "url", value_name = "ID")]
    pub(super) org: Option<String>,
    /// With --url: the device list of the service, .csv or .json; the org's devices in it are called in turn.
    #[arg(long, requires = "url", conflicts_with = "devices", value_name = "FILE")]
    pub(super) list: Option<PathBuf>,
    /// The service that is called.
    #[arg(long, default_value = "start", value_name = "ID")]
    pub(super) service: String,
    /// Print one JSON object and nothing else.
    #[arg(long)]
    pub(super) json: bool,
}

const HELP: &str = "\
The JSON: setup (devices, batch, warmupSeconds, seconds, service, wildcards, cores, sharedCores), runs (way, arrivals, \
inFlight or ratePerSecond, itemsPerSecond, cpuMicrosPerItem, latencyFrom, latencyMs with p50, p90, p99, p999 and max, items with \
submitted, succeeded, failed, refused, timedOut and cancelled, executed, wrong), comparison (with --compare: ratio, and \
targets with name, target, measured and met) and books, which is \"balanced\" or \"wrong\".\n\n\
Exit codes: 0 done, and the books balance: every item ended exactly once, with its own device's answer · 1 they do \
not · 64 wrong usage · 66 the list cannot be read · 69 the service cannot be reached · 70 a part does not start · \
74 output cannot be written. A target that is not met is no failure.";

//! The parameters of a run: drawn from its seed, and limited when a failing run is shrunk.

use std::num::NonZeroUsize;

use std::collections::BTreeSet;

use setpoint::{requester::RequesterConfig, responder::ResponderConfig};

use crate::{
    faults::{Fault, Faults},
    rng::Rng,
};

/// Determines a run completely.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with a struct literal")]
pub struct Schedule {
    /// The source of all randomness.
    pub seed: u64,
    /// Kinds of faults that are switched off.
    pub off: BTreeSet<Fault>,
    /// Upper limits of the size of the run.
    pub size: Size,
    /// Virtual hours, instead of one to three minutes.
    pub hours: Option<u64>,
}

/// Upper limits of the size of a run; the sizes themselves are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[allow(clippy::exhaustive_structs, reason = "callers build it with a struct literal")]
pub struct Size {
    /// Of callers.
    pub callers: Option<u64>,
    /// Of the batches of a caller.
    pub batches: Option<u64>,
    /// Of the items of a batch.
    pub items: Option<u64>,
    /// Of the devices of an org.
    pub devices: Option<u64>,
}

impl Schedule {
    /// The run of this seed.
    pub fn of_seed(seed: u64) -> Self {
        Self { seed, ..Self::default() }
    }

    /// The command line options for it.
    pub fn options(&self) -> String {
        let mut text = format!("--seed {}", self.seed);
        let (off, on): (Vec<_>, Vec<_>) = Fault::ALL.iter().partition(|fault| self.off.contains(fault));
        let names = |faults: Vec<&Fault>| faults.iter().map(|fault| fault.name()).collect::<Vec<_>>().join(",");
        if on.is_empty() {
            text += " --only none";
        } else if off.len() > on.len() {
            text += &format!(" --only {}", names(on));
        } else if !off.is_empty() {
            text += &format!(" --off {}", names(off));
        }
        let Size { callers, batches, items, devices } = self.size;
        for (name, bound) in [("callers", callers), ("batches", batches), ("items", items), ("devices", devices)] {
            if let Some(bound) = bound {
                text += &format!(" --{name} {bound}");
            }
        }
        if let Some(hours) = self.hours {
            text += &format!(" --hours {hours}");
        }
        text
    }
}

/// The constant parameters of a run.
#[derive(Debug)]
pub(crate) struct Plan {
    pub(crate) seed: u64,
    pub(crate) callers: u64,
    pub(crate) batches: u64,
    pub(crate) items: u64,
    pub(crate) devices: u64,
    pub(crate) channels: u64,
    /// For how long callers submit and faults strike, in milliseconds.
    pub(crate) active_ms: u64,
    /// The monotonic clock at the first start of the service.
    pub(crate) uptime_ms: u64,
    pub(crate) timeouts: &'static [Option<u32>],
    pub(crate) responder: ResponderConfig,
    pub(crate) requester: RequesterConfig,
    /// Typical latencies, in milliseconds.
    pub(crate) http_ms: u64,
    pub(crate) store_ms: u64,
    pub(crate) link_ms: u64,
    pub(crate) execution_ms: u64,
    pub(crate) channel_ms: u64,
    /// Whether the device broker keeps commands while a device is offline.
    pub(crate) sessions_persist: bool,
    /// Percentages of devices that de-duplicate, and that obey the deadline in the payload.
    pub(crate) deduplicating: u64,
    pub(crate) obeying: u64,
}

const TIMEOUTS: [&[Option<u32>]; 4] = [
    &[Some(1), Some(20), Some(100), Some(777)],
    &[Some(500), Some(2_000), Some(5_001)],
    &[None, Some(10_000), Some(63_999), Some(3_000)],
    &[Some(1), Some(300), Some(1_999), Some(10_000), None, Some(300_000)],
];

impl Plan {
    pub(crate) fn draw(schedule: &Schedule) -> (Self, Faults) {
        let mut rng = Rng::new(schedule.seed, 0);
        // When effects are drained late, the model does not know when a limit was reached, so limits stay large.
        let late_drain = rng.chance(150);
        let short_memory = rng.chance(200);
        let mut faults = Faults::draw(schedule.seed, |fault| {
            // With a short de-duplication window, a long absence would last beyond it, where nothing is promised.
            let clashes = match fault {
                Fault::StaleClock => short_memory,
                Fault::WallSteps | Fault::Pause | Fault::Suspend => short_memory || schedule.hours.is_some(),
                Fault::ShortMemory if !short_memory => true,
                Fault::LateDrain => !late_drain,
                Fault::SmallOutbox | Fault::SmallBounds | Fault::SmallMemory | Fault::ShortMemory => late_drain,
                _ => false,
            };
            !clashes && !schedule.off.contains(&fault)
        });
        let Size { callers, batches, items, devices } = schedule.size;
        let within = |drawn: u64, bound: Option<u64>| bound.map_or(drawn, |bound| drawn.min(bound.max(1)));
        let small = rng.chance(300);
        let scale = schedule.hours.map_or(1, |hours| hours * 10);
        let plan = Self {
            seed: schedule.seed,
            callers: within(rng.between(1, 4), callers),
            batches: within(rng.between(1, if small { 4 } else { 10 }) * scale, batches),
            items: within(rng.pick(&[1, 2, 4, 8, 16]), items),
            devices: within(rng.between(1, 5), devices),
            channels: rng.between(1, 3),
            active_ms: schedule.hours.map_or_else(|| rng.between(5_000, 180_000), |hours| hours * 3_600_000),
            uptime_ms: rng.pick(&[0, 5, 4_095, 1 << 20, (1 << 36) - 30_000, 1 << 40, 1 << 53]),
            timeouts: TIMEOUTS[rng.index(TIMEOUTS.len())],
            responder: responder(&mut faults),
            requester: requester(&mut rng),
            http_ms: rng.pick(&[1, 20, 300]),
            store_ms: rng.pick(&[0, 3, 30, 300]),
            link_ms: rng.pick(&[0, 5, 80, 1_000]),
            execution_ms: rng.pick(&[0, 10, 200, 3_000]),
            channel_ms: rng.pick(&[0, 10, 500]),
            sessions_persist: rng.coin(),
            deduplicating: rng.pick(&[0, 30, 60, 100]),
            obeying: rng.pick(&[0, 50, 100]),
        };
        (plan, faults)
    }
}

fn responder(faults: &mut Faults) -> ResponderConfig {
    let mut config = ResponderConfig::default();
    config.limits.items = const { NonZeroUsize::new(64).unwrap() };
    config.limits.body_bytes = const { NonZeroUsize::new(64 << 10).unwrap() };
    let mut small = |fault, bound: &mut NonZeroUsize, low, high| {
        if faults.is_on(fault) {
            *bound = NonZeroUsize::new(faults.chance(fault).between(low, high) as usize).unwrap_or(*bound);
        }
    };
    small(Fault::SmallBounds, &mut config.pending_per_org, 2, 12);
    small(Fault::SmallBounds, &mut config.pending_per_device, 1, 4);
    small(Fault::SmallOutbox, &mut config.outbox, 1, 8);
    small(Fault::SmallMemory, &mut config.dedup_per_org, 4, 40);
    let mut ended = NonZeroUsize::new(config.ended).unwrap_or(NonZeroUsize::MIN);
    small(Fault::SmallMemory, &mut ended, 1, 20);
    config.ended = ended.get();
    small(Fault::SmallWindow, &mut config.hand_over_window, 1, 3);
    small(Fault::SmallWindow, &mut config.replies_per_message, 1, 3);
    if faults.is_on(Fault::ShortMemory) {
        config.dedup_window_ms = faults.chance(Fault::ShortMemory).between(15_000, 60_000);
    }
    config
}

fn requester(rng: &mut Rng) -> RequesterConfig {
    let mut config = RequesterConfig::default();
    config.grace_ms = rng.pick(&[0, 100, 5_000]);
    config.remembered = rng.pick(&[0, 5, 100_000, 100_000]);
    config
}

//! The kinds of faults, and how often they strike in a run.

use crate::rng::Rng;

macro_rules! faults {
    ($($(#[doc = $words:literal])+ $variant:ident = $name:literal,)*) => {
        /// A kind of fault. In every run many of them are off, so that single faults and rare combinations are tried as well.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Fault {
            $($(#[doc = $words])+ $variant,)*
        }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in options and tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }

            /// What it is.
            pub fn description(self) -> &'static str {
                match self {
                    $(Self::$variant => concat!($($words),+).trim_ascii(),)*
                }
            }
        }
    };
}

faults! {
    /// An HTTP request is lost.
    RequestLost = "request-lost",
    /// An HTTP response is lost; the caller sends the same body again.
    ResponseLost = "response-lost",
    /// An HTTP request or response is on its way for seconds.
    HttpSlow = "http-slow",
    /// A proxy sends the same PUT twice.
    ProxyRepeats = "proxy-repeats",
    /// A proxy answers an error for a batch that was answered before.
    StrayRefusal = "stray-refusal",
    /// A caller cancels a batch.
    CallerCancels = "caller-cancels",
    /// A caller crashes and starts again without memory.
    CallerCrashes = "caller-crashes",
    /// Items that must be refused, of every kind.
    InvalidItems = "invalid-items",
    /// One request id several times in a batch.
    RepeatedIds = "repeated-ids",
    /// A stranger sends known request ids again: with the same content, with another, for the other family or org.
    KnownIds = "known-ids",
    /// A stranger sends bodies that must be refused as a whole.
    BrokenBodies = "broken-bodies",
    /// A commit of the store takes long.
    StoreSlow = "store-slow",
    /// A commit of the store fails: the service has to be restarted.
    StoreFails = "store-fails",
    /// The service is killed at some moment.
    Crash = "crash",
    /// The service is killed between two effects.
    CrashBetweenEffects = "crash-between-effects",
    /// The wall clock steps by up to a day, also across a restart.
    WallSteps = "wall-steps",
    /// The process is suspended for up to a minute, and its inputs queue up.
    Pause = "pause",
    /// The machine is suspended for minutes: both clocks jump, and its connections are lost.
    Suspend = "suspend",
    /// A reading of the clocks is older than the one before.
    StaleClock = "stale-clock",
    /// Effects are drained late and in parts.
    LateDrain = "late-drain",
    /// A timer of the process fires late.
    LateTimer = "late-timer",
    /// The link to the device broker goes down for a while.
    LinkDown = "link-down",
    /// It is unknown whether a hand-over arrived.
    UnclearHandOver = "unclear-hand-over",
    /// A hand-over was certainly not sent.
    NotSent = "not-sent",
    /// The confirmation of a hand-over takes seconds.
    SlowConfirmation = "slow-confirmation",
    /// The device broker loses a command.
    CommandLost = "command-lost",
    /// The device broker delivers a command twice.
    CommandRepeated = "command-repeated",
    /// A command is on its way for long, past later ones.
    CommandSlow = "command-slow",
    /// The device broker restarts with an old state: forgets commands, delivers old ones again.
    BrokerForgets = "broker-forgets",
    /// A device's answer is lost.
    AnswerLost = "answer-lost",
    /// A device's answer is delivered several times.
    AnswerRepeated = "answer-repeated",
    /// A device's answer is on its way for long.
    AnswerSlow = "answer-slow",
    /// A device answers with a failure.
    DeviceFails = "device-fails",
    /// A device executes and does not answer.
    DeviceSilent = "device-silent",
    /// A device takes long, so that others queue behind.
    DeviceSlow = "device-slow",
    /// A device contradicts its own answer.
    DeviceContradicts = "device-contradicts",
    /// A device answers with something that cannot be used.
    DeviceGarbage = "device-garbage",
    /// A device answers on a topic of a neighbour or of another service.
    DeviceWrongTopic = "device-wrong-topic",
    /// A device of the other org answers with the message id.
    DeviceForeign = "device-foreign",
    /// A device answers with an id that was never issued.
    DeviceInvents = "device-invents",
    /// A device restarts in the middle of something.
    DeviceReboots = "device-reboots",
    /// The channels' broker takes long to confirm.
    ChannelSlow = "channel-slow",
    /// A publication is lost before it is confirmed, or only its confirmation is: it is published again.
    ChannelLoses = "channel-loses",
    /// A channel message is delivered several times.
    ChannelRepeats = "channel-repeats",
    /// The channels' broker is down for a while.
    ChannelDown = "channel-down",
    /// A channel is gone when its message is to be published.
    ChannelGone = "channel-gone",
    /// Small bounds per org and device.
    SmallBounds = "small-bounds",
    /// A small outbox.
    SmallOutbox = "small-outbox",
    /// Small memories of request ids and of what ended.
    SmallMemory = "small-memory",
    /// A hand-over window of a few commands.
    SmallWindow = "small-window",
    /// Request ids are remembered for seconds only.
    ShortMemory = "short-memory",
}

/// The rate of each fault, in thousandths of its occasions, and its random numbers.
#[derive(Debug)]
pub(crate) struct Faults {
    rates: Vec<u32>,
    chances: Vec<Rng>,
    healed: bool,
}

impl Faults {
    /// Draws the rates of a run. `allowed` says which kinds may be on.
    pub(crate) fn draw(seed: u64, allowed: impl Fn(Fault) -> bool) -> Self {
        let mut rates = Vec::with_capacity(Fault::ALL.len());
        let mut chances = Vec::with_capacity(Fault::ALL.len());
        for (stream, fault) in Fault::ALL.iter().enumerate() {
            let mut rng = Rng::new(seed, 1_000 + stream as u64);
            let rate = if rng.chance(600) { 0 } else { rng.pick(&[10, 50, 150, 400]) };
            rates.push(if allowed(*fault) { rate } else { 0 });
            chances.push(rng);
        }
        Self { rates, chances, healed: false }
    }

    /// Whether the kind is on in this run, whatever its rate.
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.rates[fault as usize] > 0
    }

    /// Whether it strikes now.
    pub(crate) fn strikes(&mut self, fault: Fault) -> bool {
        let rate = self.rates[fault as usize];
        rate > 0 && !self.healed && self.chances[fault as usize].chance(rate)
    }

    /// The fault's own random numbers, for how severe it is.
    pub(crate) fn chance(&mut self, fault: Fault) -> &mut Rng {
        &mut self.chances[fault as usize]
    }

    /// No fault strikes from here on.
    pub(crate) fn heal(&mut self) {
        self.healed = true;
    }

    pub(crate) fn healed(&self) -> bool {
        self.healed
    }
}

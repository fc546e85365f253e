//! Counts of what was exercised: a sweep in which something never occurred proves nothing about it.

use crate::faults::Fault;

macro_rules! events {
    ($($(#[doc = $words:literal])+ $variant:ident = $name:literal,)*) => {
        /// Something that must occur in a complete sweep.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Exercised {
            $($(#[doc = $words])+ $variant,)*
        }

        impl Exercised {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$variant),*];

            /// Its name in tables.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $name,)*
                }
            }
        }
    };
}

events! {
    /// A batch arrived at the service.
    Batch = "batches",
    /// An item was accepted.
    Accepted = "items accepted",
    /// An item was refused in the response.
    Refused = "items refused",
    /// An item was refused because the device or the org has too much in flight.
    Full = "items refused with 1000207",
    /// An item was answered from the record of an earlier one.
    Repeated = "items answered again",
    /// A request id came with another content.
    Reused = "ids reused with other content",
    /// A request id came again after its window.
    Forgotten = "ids taken again after the window",
    /// A batch was refused with 400 or 413.
    Malformed = "batches refused with 400 or 413",
    /// A batch was refused with 429.
    Quota = "batches refused with 429",
    /// A batch was refused with 503.
    Unavailable = "batches refused with 503",
    /// A batch was answered 500 because the store failed.
    Internal = "batches answered with 500",
    /// A command was handed over.
    HandedOver = "commands handed over",
    /// A command was handed over again, to a device that de-duplicates.
    HandedOverAgain = "commands handed over again",
    /// A device executed a command.
    Executed = "executions",
    /// A device refused an expired command.
    Stale = "stale commands refused by devices",
    /// A de-duplicating device got a message id again.
    Deduplicated = "repeated commands caught by devices",
    /// An item ended with success.
    Succeeded = "finals: success",
    /// An item ended with a failure that its device reported.
    Failed = "finals: device failure",
    /// An item ended because its command was certainly not sent.
    NeverSent = "finals: never sent",
    /// An item expired before it was sent.
    ExpiredUnsent = "finals: expired before it was sent",
    /// An item timed out after it was sent.
    TimedOut = "finals: timed out, outcome unknown",
    /// An answer came after the timeout.
    Late = "answers: late",
    /// An answer came again.
    Duplicate = "answers: duplicate",
    /// An answer contradicted an earlier one.
    Conflict = "answers: conflict",
    /// An answer named an id that is not known.
    Unknown = "answers: unknown id",
    /// An answer came from another device or service.
    WrongDevice = "answers: wrong device or service",
    /// An answer could not be read.
    Unreadable = "answers: unreadable",
    /// An answer ended an item that was handed over before a restart.
    AnsweredAcrossRestart = "answers across a restart",
    /// An answer came before the hand-over was confirmed.
    AnsweredBeforeConfirmed = "answers before the hand-over was confirmed",
    /// A final was published again after a restart.
    PublishedAgain = "finals published again",
    /// A final was published again because its item was sent again.
    PublishedOnDemand = "finals published again for a repeated item",
    /// A final could not be delivered.
    Undeliverable = "finals undeliverable",
    /// The service was restarted from its store.
    Restart = "restarts",
    /// A crash lost writes that were not yet synced.
    WritesLost = "crashes that lost writes",
    /// A crash left some of the unconfirmed writes.
    WritesLeft = "crashes that left unconfirmed writes",
    /// A restart came after the wall clock had stepped back past an acceptance.
    RestartInThePast = "restarts before an acceptance by the wall clock",
    /// Time beyond 2^36 milliseconds of uptime.
    LongUptime = "runs beyond 2^36 ms of uptime",
    /// A requester received an outcome before the response.
    OutcomeFirst = "outcomes before the response",
    /// A requester gave up on an item.
    RequesterTimedOut = "items given up by the requester",
    /// A requester received an outcome of an item that it had given up.
    RequesterLate = "late outcomes at the requester",
    /// A requester received an outcome again.
    RequesterDuplicate = "duplicate outcomes at the requester",
    /// A requester received an outcome of an item that it does not know.
    RequesterUnknown = "unknown outcomes at the requester",
    /// A batch was sent again.
    Resent = "batches sent again",
    /// A batch ended.
    BatchDone = "batches done",
}

/// Counts of a run or a sweep.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Coverage {
    faults: Vec<u64>,
    events: Vec<u64>,
}

impl Coverage {
    /// All counts 0.
    pub fn new() -> Self {
        Self { faults: vec![0; Fault::ALL.len()], events: vec![0; Exercised::ALL.len()] }
    }

    pub(crate) fn fault(&mut self, fault: Fault) {
        self.faults[fault as usize] += 1;
    }

    pub(crate) fn event(&mut self, event: Exercised) {
        self.events[event as usize] += 1;
    }

    /// Adds the counts of another run.
    pub fn add(&mut self, other: &Self) {
        for (sum, more) in self.faults.iter_mut().zip(&other.faults) {
            *sum += more;
        }
        for (sum, more) in self.events.iter_mut().zip(&other.events) {
            *sum += more;
        }
    }

    /// How many times the fault struck.
    pub fn of_fault(&self, fault: Fault) -> u64 {
        self.faults[fault as usize]
    }

    /// How many times it happened.
    pub fn of_event(&self, event: Exercised) -> u64 {
        self.events[event as usize]
    }

    /// Every name with its count: events, then faults.
    pub fn rows(&self) -> impl Iterator<Item = (&'static str, u64)> + '_ {
        let events = Exercised::ALL.iter().map(|event| (event.name(), self.of_event(*event)));
        events.chain(Fault::ALL.iter().map(|fault| (fault.name(), self.of_fault(*fault))))
    }
}

impl Default for Coverage {
    fn default() -> Self {
        Self::new()
    }
}

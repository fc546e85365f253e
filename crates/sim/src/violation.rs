//! The promises that every run must keep, and the report of a broken one.

use std::fmt;

/// What was promised, and what happened instead.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Violation {
    /// Which invariant, by its short name.
    pub invariant: Invariant,
    /// What happened.
    pub message: String,
}

/// The promises that every run must keep. I1 to I10 are the invariants of the protocol's guarantees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "`promise` describes each")]
#[non_exhaustive]
pub enum Invariant {
    I1,
    I2,
    I3,
    I4,
    I5,
    I6,
    I7,
    I8,
    I9,
    I10,
    Verdict,
    Attribution,
    Order,
    Timer,
    Bounds,
    Requester,
    Liveness,
    Left,
    Panic,
}

impl Invariant {
    /// Its name in tables.
    pub fn name(self) -> &'static str {
        match self {
            Self::I1 => "I1",
            Self::I2 => "I2",
            Self::I3 => "I3",
            Self::I4 => "I4",
            Self::I5 => "I5",
            Self::I6 => "I6",
            Self::I7 => "I7",
            Self::I8 => "I8",
            Self::I9 => "I9",
            Self::I10 => "I10",
            Self::Verdict => "verdict",
            Self::Attribution => "attribution",
            Self::Order => "order",
            Self::Timer => "timer",
            Self::Bounds => "bounds",
            Self::Requester => "requester",
            Self::Liveness => "liveness",
            Self::Left => "leftover",
            Self::Panic => "panic",
        }
    }

    /// What it promises.
    pub fn promise(self) -> &'static str {
        match self {
            Self::I1 => "every accepted item gets exactly one final value, stored before it is published at least once",
            Self::I2 => "there is no final for an item that was never accepted",
            Self::I3 => "a final carries the org, channel, request id, device and target of the accepted item",
            Self::I4 => "success means that the device really executed that message id and said so",
            Self::I5 => "a message id is executed at most once, and handed over once unless its device de-duplicates",
            Self::I6 => "no execution starts after the deadline plus the declared clock error",
            Self::I7 => "\"never sent\" means never executed",
            Self::I8 => "a final comes by the deadline, or the recovery, plus the published bound",
            Self::I9 => "nothing of one org is visible to another",
            Self::I10 => "what was answered, sent or published was on stable storage before",
            Self::Verdict => "every item is answered as the reference model of validation and de-duplication says",
            Self::Attribution => "a device's answer counts for the item that it names, from its device, and no other",
            Self::Order => "commands of one device are handed over in the order of acceptance",
            Self::Timer => "no timer fires early, late, or for what has ended",
            Self::Bounds => "every table and queue stays within its bound",
            Self::Requester => "a requester ends every item exactly once, with what the service said of it",
            Self::Liveness => "once everything has healed, commands succeed",
            Self::Left => "once everything has drained, nothing is left pending",
            Self::Panic => "nothing panics",
        }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.invariant.name(), self.invariant.promise(), self.message)
    }
}

/// An error if a promise was broken.
pub(crate) type Check = Result<(), Violation>;

/// Ends the run unless the condition holds.
macro_rules! hold {
    ($condition:expr, $invariant:ident, $($words:tt)+) => {
        if !$condition {
            return Err($crate::violation::Violation {
                invariant: $crate::violation::Invariant::$invariant,
                message: format!($($words)+),
            });
        }
    };
}
pub(crate) use hold;

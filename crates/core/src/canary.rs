//! Known bugs, for the simulation to find: docs/evidence.md describes them. Only the feature `canaries` can put one back; without
//! it, whether one is put back is no question.

/// Their names.
pub(crate) const NAMES: [&str; 31] = [
    "acceptance-undone",
    "answer-before-persist",
    "any-device",
    "behind-others",
    "called-unsent",
    "channels-across-orgs",
    "clock-steps-back",
    "conflict-wins",
    "deadline-rounded-down",
    "ended-forgotten",
    "expired-sent",
    "forgotten-early",
    "forgotten-with-first-use",
    "full-timeout-again",
    "ids-across-families",
    "ids-across-orgs",
    "ids-from-zero",
    "ids-lost",
    "last-key-wins",
    "late-wins",
    "matched-by-order",
    "outbox-lost",
    "publish-before-stored",
    "record-skipped",
    "registered-late",
    "sent-after-crash",
    "sent-before-intent",
    "timer-not-cancelled",
    "unclear-repeated",
    "wakes-late",
    "window-leaks",
];

/// Whether the bug of this name is put back.
macro_rules! canary {
    ($name:literal) => {
        cfg!(feature = "canaries") && {
            const NUMBER: usize = $crate::canary::number($name);
            const { assert!(NUMBER < $crate::canary::NAMES.len(), "no canary has this name") };
            $crate::canary::is_put_back(NUMBER)
        }
    };
}

/// Its place among the names; how many there are if it is none.
pub(crate) const fn number(name: &str) -> usize {
    let mut number = 0;
    while number < NAMES.len() && !is_same(name.as_bytes(), NAMES[number].as_bytes()) {
        number += 1;
    }
    number
}

const fn is_same(one: &[u8], other: &[u8]) -> bool {
    let mut at = 0;
    while at < one.len() && at < other.len() && one[at] == other[at] {
        at += 1;
    }
    at == one.len() && at == other.len()
}

#[cfg(not(feature = "canaries"))]
pub(crate) const fn is_put_back(_number: usize) -> bool {
    false
}

#[cfg(feature = "canaries")]
pub(crate) use put_back::is_put_back;
#[cfg(feature = "canaries")]
pub use put_back::put_back;

#[cfg(feature = "canaries")]
mod put_back {
    use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

    static PUT_BACK: AtomicUsize = AtomicUsize::new(usize::MAX);

    /// Puts one bug back, in this whole process. `false` if none has this name.
    pub fn put_back(name: &str) -> bool {
        let number = super::number(name);
        PUT_BACK.store(number, Relaxed);
        number < super::NAMES.len()
    }

    #[inline]
    pub(crate) fn is_put_back(number: usize) -> bool {
        PUT_BACK.load(Relaxed) == number
    }
}

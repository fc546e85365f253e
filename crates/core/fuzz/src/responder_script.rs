//! `responder_script`: batches, devices, a store, a link, clocks and crashes, in any order.
//!
//! The driver around the responder is honest: it confirms only what happened. Everything else may go wrong.

mod promises;
mod rig;
mod world;

use arbitrary::{Arbitrary, Unstructured};

use rig::Rig;

/// One thing that happens.
#[derive(Debug, Arbitrary)]
pub(crate) enum Step {
    Batch {
        org: bool,
        write: bool,
        items: Vec<Item>,
    },
    BatchBytes {
        org: bool,
        write: bool,
        body: Vec<u8>,
    },
    /// The store has committed so many writes together.
    Stored {
        writes: u8,
    },
    /// The store fails; only a restart helps.
    StoreFails,
    /// Whether commands can leave.
    Link {
        up: bool,
    },
    HandedOver {
        pick: u8,
        how: How,
    },
    /// A device answers something that it was sent, perhaps under a neighbour's topic.
    Answer {
        pick: u8,
        code: Code,
        data: u8,
        stranger: bool,
    },
    MessageBytes {
        topic: String,
        payload: Vec<u8>,
    },
    Published {
        pick: u8,
        channel_gone: bool,
    },
    Pass {
        ms: u16,
    },
    /// Both clocks step back.
    ClockBack {
        ms: u8,
    },
    /// A device leaves the directory, or comes back.
    Directory {
        device: u8,
        gone: bool,
    },
    Stop,
    /// kill -9. Of the writes under way the first `written` reached the disk all the same.
    Crash {
        written: u8,
        wall_clock_ms: i16,
    },
}

#[derive(Debug, Arbitrary)]
pub(crate) struct Item {
    id: u8,
    content: bool,
    device: u8,
    timeout_ms: u16,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum How {
    Taken,
    NotSent,
    Unclear,
}

#[derive(Debug, Clone, Copy, Arbitrary)]
pub(crate) enum Code {
    Success,
    Failure(u8),
    NoNumber,
}

/// Nothing is answered, sent or published before it is stored, nothing is sent twice, nothing ends by somebody else's
/// answer, and when everything heals every accepted item has its one final.
///
/// # Panics
/// If that does not hold.
pub fn run(data: &[u8]) {
    let Ok(steps) = Vec::<Step>::arbitrary_take_rest(Unstructured::new(data)) else { return };
    let mut rig = Rig::new();
    for step in &steps {
        rig.step(step);
    }
    rig.heal();
}

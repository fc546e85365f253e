//! Answers on their way to the broker.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

use crate::device::DueAnswer;

/// Times an answer is handed to a connection that is lost before the broker acknowledged it. Bounded, because a broker
/// may close the connection because of that very answer.
const MAX_ATTEMPTS: u32 = 5;

/// An answer on its way.
pub(crate) struct OutgoingMessage {
    pub due: DueAnswer,
    /// Its index among the answers of its ledger entry, once it was sent.
    pub recorded: Option<usize>,
    pub attempts: u32,
}

impl OutgoingMessage {
    pub(crate) fn new(due: DueAnswer) -> Self {
        Self { due, recorded: None, attempts: 0 }
    }

    /// Whether it is sent again after an attempt without an acknowledgement.
    pub(crate) fn may_be_sent_again(&self) -> bool {
        self.due.answer.retransmit && self.attempts < MAX_ATTEMPTS
    }
}

/// Answers that wait: for their time, or for a connection.
#[derive(Default)]
pub(crate) struct Outgoing {
    /// By due time; the number keeps answers with equal times in order.
    scheduled: BTreeMap<(Instant, u64), OutgoingMessage>,
    scheduled_so_far: u64,
    /// Due, and without a connection.
    unsent: VecDeque<OutgoingMessage>,
}

impl Outgoing {
    /// Keeps a message until `delay` has passed.
    pub(crate) fn schedule(&mut self, message: OutgoingMessage, delay: Duration) {
        self.scheduled_so_far += 1;
        self.scheduled.insert((Instant::now() + delay, self.scheduled_so_far), message);
    }

    /// When the next scheduled message is due.
    pub(crate) fn next_due(&self) -> Option<Instant> {
        self.scheduled.first_key_value().map(|(&(at, _), _)| at)
    }

    /// Takes a message that is due at `now`.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<OutgoingMessage> {
        let first = self.scheduled.first_entry()?;
        (first.key().0 <= now).then(|| first.remove())
    }

    /// Keeps a message until there is a connection.
    pub(crate) fn push_unsent(&mut self, message: OutgoingMessage) {
        self.unsent.push_back(message);
    }

    /// Takes the messages that wait for a connection.
    pub(crate) fn take_unsent(&mut self) -> VecDeque<OutgoingMessage> {
        std::mem::take(&mut self.unsent)
    }

    pub(crate) fn clear(&mut self) {
        self.scheduled.clear();
        self.unsent.clear();
    }
}

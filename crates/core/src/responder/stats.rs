//! Counters and gauges.

use super::Attribution;

/// Counters since the start, and gauges. Serialized, the names are in camel case.
///
/// ```
/// use setpoint::{Responder, responder::ResponderConfig};
/// let stats = Responder::new(ResponderConfig::default(), [7; 32]).stats();
/// assert_eq!((stats.accepted, stats.pending), (0, 0));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct ResponderStats {
    /// Batches that came in.
    pub batches: u64,
    /// Batches refused as a whole.
    pub batches_refused: u64,
    /// Items accepted; each ends with exactly one final.
    pub accepted: u64,
    /// Items refused in the response.
    pub refused: u64,
    /// Items answered from the record of an earlier, equal one.
    pub repeated: u64,
    /// Finals with 0.
    pub succeeded: u64,
    /// Finals with a failure of the device, or of a command that was never sent.
    pub failed: u64,
    /// Finals with 1000203 of commands that certainly were never sent.
    pub expired_unsent: u64,
    /// Finals with 1000203 of commands whose effect is unknown.
    pub timed_out: u64,
    /// Replies published and confirmed.
    pub published: u64,
    /// Finals whose channel was gone.
    pub undeliverable: u64,
    /// Device answers after a timeout.
    pub late: u64,
    /// Device answers that repeat an earlier one.
    pub duplicate: u64,
    /// Device answers that contradict an earlier one.
    pub conflict: u64,
    /// Device answers under an id that is not known.
    pub unknown: u64,
    /// Device answers from another device than the command was sent to.
    pub wrong_device: u64,
    /// Device messages from which no id could be read.
    pub unreadable: u64,
    /// Gauge: accepted items without a final.
    pub pending: usize,
    /// Gauge: finals not yet confirmed as published.
    pub outbox: usize,
    /// Gauge: request ids remembered.
    pub remembered: usize,
}

impl ResponderStats {
    pub(super) fn count(&mut self, attribution: Attribution) {
        match attribution {
            // Counted when the final is decided.
            Attribution::Succeeded | Attribution::Failed => {}
            Attribution::Late => self.late += 1,
            Attribution::Duplicate => self.duplicate += 1,
            Attribution::Conflict => self.conflict += 1,
            Attribution::Unknown | Attribution::Premature => self.unknown += 1,
            Attribution::WrongDevice => self.wrong_device += 1,
            Attribution::Unreadable => self.unreadable += 1,
        }
    }
}

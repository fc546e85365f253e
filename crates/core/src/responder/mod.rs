//! The service's side of the conversation, a state machine.

mod config;
mod effect;
mod record;

pub use config::ResponderConfig;
pub use effect::{Attribution, BatchId, Effect, HandedOver, PublicationId, WriteId};
pub use record::{FinalOutcome, Record, StoredCommand};

use crate::{Directory, Family, Instant, Now};

/// Takes batches, answers at once, hands commands to devices, matches their answers, publishes finals, expires the rest.
///
/// Four kinds of methods: getters; `handle_*` inputs; commands; `poll_*` outputs.
/// After any input, drain [`poll_effect`](Self::poll_effect) and arrange for [`handle_timeout`](Self::handle_timeout)
/// at [`poll_timeout`](Self::poll_timeout). Draining late is only late, spurious calls are harmless, and `now` may step back.
#[derive(Debug)]
pub struct Responder {
    _private: (),
}

/// A batch as it came in.
#[derive(Debug, Clone, Copy)]
pub struct BatchRequest<'a> {
    /// The org of the query.
    pub org_id: &'a str,
    /// Which call it was.
    pub family: Family,
    /// The request body.
    pub body: &'a [u8],
}

/// Counters since the start, and gauges.
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
    /// Finals with a device failure, or never sent.
    pub failed: u64,
    /// Finals with 1000203 that certainly were never sent.
    pub expired_unsent: u64,
    /// Finals with 1000203 whose effect is unknown.
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

#[allow(clippy::needless_pass_by_ref_mut, unused_variables, missing_docs)]
impl Responder {
    /// A responder without history. `seed` is 32 bytes from the operating system's generator, new at every start.
    pub fn new(config: ResponderConfig, seed: [u8; 32]) -> Self {
        unimplemented!()
    }
    /// A responder rebuilt from a store's records, in the order in which they were written.
    /// Timers resume with what is left by the wall clock, never more than the original timeout.
    pub fn restore(
        config: ResponderConfig,
        seed: [u8; 32],
        records: impl IntoIterator<Item = Record>,
        now: Now,
    ) -> Self {
        unimplemented!()
    }

    // Inputs.
    pub fn handle_batch(
        &mut self,
        request: BatchRequest<'_>,
        directory: &(impl Directory + ?Sized),
        now: Now,
    ) -> BatchId {
        unimplemented!()
    }
    /// Every write up to and including this one is on stable storage.
    pub fn handle_persisted(&mut self, up_to: WriteId, now: Now) {
        unimplemented!()
    }
    /// The store failed: what it holds is no longer certain. Every waiting and every later batch is answered 503 and
    /// nothing more is handed over or published; recover by restarting from the store.
    pub fn handle_persist_failed(&mut self) {
        unimplemented!()
    }
    /// Whether commands can be handed over at all. While the link is down they wait; starts as down.
    pub fn handle_link(&mut self, up: bool) {
        unimplemented!()
    }
    pub fn handle_handed_over(&mut self, message_id: crate::MessageId, how: HandedOver, now: Now) {
        unimplemented!()
    }
    /// A message from the device broker.
    pub fn handle_device_message(&mut self, topic: &str, payload: &[u8], now: Now) -> Attribution {
        unimplemented!()
    }
    pub fn handle_published(&mut self, publication: PublicationId) {
        unimplemented!()
    }
    /// The channel no longer exists: the finals are kept as undeliverable.
    pub fn handle_undeliverable(&mut self, publication: PublicationId) {
        unimplemented!()
    }
    pub fn handle_timeout(&mut self, now: Now) {
        unimplemented!()
    }

    // Commands.
    /// Refuses every further batch with 503; what was accepted goes on.
    pub fn stop_accepting(&mut self) {
        unimplemented!()
    }

    // Outputs.
    pub fn poll_effect(&mut self, now: Now) -> Option<Effect> {
        unimplemented!()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    // Getters.
    pub fn stats(&self) -> ResponderStats {
        unimplemented!()
    }
    /// Accepted items on this channel that are not yet published.
    pub fn pending_on_channel(&self, org_id: &str, family: Family, channel_id: &str) -> usize {
        unimplemented!()
    }
}

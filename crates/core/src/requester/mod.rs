//! The caller's side of the conversation, a state machine.

mod event;

pub use event::{Event, ItemRef, Outcome, Refused, RequestBatchId, SubmitError, Summary};

use crate::{Family, Instant, Invoke, Limits, Now, Write, reply::MessageError};

/// Bounds and allowances of a [`Requester`].
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RequesterConfig {
    /// What one message may cost to read.
    pub limits: Limits,
    /// Most items open at once.
    pub open_items: usize,
    /// How long after an item's own deadline its outcome may still be on its way, in milliseconds.
    pub grace_ms: u64,
    /// Most ended items remembered, so that late and duplicate replies are known as such.
    pub remembered: usize,
}

impl Default for RequesterConfig {
    /// 1,000,000 open items, 5 seconds of grace, 100,000 ended items remembered.
    fn default() -> Self {
        Self { limits: Limits::DEFAULT, open_items: 1_000_000, grace_ms: 5_000, remembered: 100_000 }
    }
}

/// A batch that is ready to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Submission {
    /// Its name from here on.
    pub batch: RequestBatchId,
    /// Which call to make.
    pub family: Family,
    /// The body to PUT. Send exactly these bytes again if no response arrived.
    pub body: Vec<u8>,
    /// How many items it has.
    pub items: usize,
}

/// What a response meant for the batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ResponseVerdict {
    /// It was taken in; there is nothing more to do for the sender.
    Settled,
    /// It says nothing about what an earlier attempt achieved: send the same body again later
    /// (call [`Requester::resend`]), or leave the items to their deadlines.
    Resend,
}

/// Submits batches, reads responses and channel messages, and ends every item exactly once.
#[derive(Debug)]
pub struct Requester {
    _private: (),
}

#[allow(unused_variables, missing_docs)]
impl Requester {
    /// `org_id` goes into the query of every call. `seed` is 32 bytes from the operating system's generator.
    pub fn new(org_id: &str, config: RequesterConfig, seed: [u8; 32]) -> Self {
        unimplemented!()
    }

    // Commands.
    pub fn submit_invokes(&mut self, items: &[Invoke], now: Now) -> Result<Submission, SubmitError> {
        unimplemented!()
    }
    pub fn submit_writes(&mut self, items: &[Write], now: Now) -> Result<Submission, SubmitError> {
        unimplemented!()
    }
    /// Takes a body that was written elsewhere, as it is. Items that the service is going to refuse may be in it.
    pub fn submit_body(&mut self, family: Family, body: Vec<u8>, now: Now) -> Result<Submission, SubmitError> {
        unimplemented!()
    }
    /// Notes that the batch's body is being sent once more.
    pub fn resend(&mut self, batch: RequestBatchId) {
        unimplemented!()
    }
    /// Ends the batch's open items with `Cancelled`.
    pub fn cancel(&mut self, batch: RequestBatchId) {
        unimplemented!()
    }

    // Inputs.
    /// The HTTP response to the batch: its status and its body.
    pub fn handle_response(
        &mut self,
        batch: RequestBatchId,
        status: u16,
        body: &[u8],
        now: Now,
    ) -> Result<ResponseVerdict, MessageError> {
        unimplemented!()
    }
    /// The attempt ended and certainly nothing was sent, for instance because no connection could be made.
    /// Ends the items as refused, unless an earlier attempt may have arrived.
    pub fn handle_not_sent(&mut self, batch: RequestBatchId, reason: &str, now: Now) -> ResponseVerdict {
        unimplemented!()
    }
    /// A message from the channel.
    pub fn handle_message(&mut self, body: &[u8], now: Now) -> Result<usize, MessageError> {
        unimplemented!()
    }
    pub fn handle_timeout(&mut self, now: Now) {
        unimplemented!()
    }

    // Outputs.
    pub fn poll_event(&mut self) -> Option<Event> {
        unimplemented!()
    }
    pub fn poll_timeout(&self) -> Option<Instant> {
        unimplemented!()
    }

    // Getters.
    pub fn org_id(&self) -> &str {
        unimplemented!()
    }
    pub fn open_items(&self) -> usize {
        unimplemented!()
    }
}

//! A channel message in. The engine reads every reply, matches it to its item, ends the item and tells its caller; the
//! peers only decode.

pub mod cow;
pub mod owned;
pub mod sonic;

use setpoint::{Family, Limits, Now, Requester, check::check_form, requester::RequesterConfig};
use setpoint_benches::{EPOCH_MS, ORG, message, nth_id, small};

/// Messages of so many replies each, more of them than a requester remembers, so that they can be sent in circles.
#[derive(Debug)]
pub struct Messages {
    replies: usize,
    /// What was submitted before each message, and the message.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    turn: std::ops::Range<usize>,
    requester: Requester,
}

/// More items than the requester remembers.
const ITEMS: usize = 120_000;

impl Messages {
    /// Messages of so many replies.
    pub fn new(replies: usize) -> Self {
        let pairs = (0..ITEMS / replies)
            .map(|n| {
                let first = (n * replies) as u64;
                let ids: Vec<String> = (first..first + replies as u64).map(nth_id).collect();
                (small::batch(ids.iter().map(|id| (id, 30_000))), message(Family::Invoke, &ids))
            })
            .collect();
        let requester = Requester::new(ORG, RequesterConfig::default(), [7; 32]);
        Self { replies, pairs, turn: 0..0, requester }
    }

    /// Goes on to the next so many messages.
    pub fn next_turn(&mut self, messages: usize) {
        let start = if self.turn.end + messages > self.pairs.len() { 0 } else { self.turn.end };
        self.turn = start..start + messages;
    }

    /// The messages whose turn it is.
    pub fn turn(&self) -> std::ops::Range<usize> {
        self.turn.clone()
    }

    /// One message.
    pub fn body(&self, n: usize) -> &[u8] {
        &self.pairs[n].1
    }

    /// Submits what this turn's messages speak of, and has it accepted.
    ///
    /// # Panics
    /// The requester does not take it.
    pub fn submit(&mut self) {
        let now = Now::new(0, EPOCH_MS);
        for (body, _) in &self.pairs[self.turn.clone()] {
            let sent = self.requester.submit_body(Family::Invoke, body.clone(), now).expect("fresh ids");
            let response = check_form(body, Family::Invoke, ORG, &Limits::DEFAULT, now).response;
            self.requester.handle_response(sent.batch, &response, now).expect("a response");
            let accepted = std::iter::from_fn(|| self.requester.poll_event());
            assert_eq!(accepted.count(), self.replies);
        }
    }

    /// Reads a message and matches every reply.
    ///
    /// # Panics
    /// The requester cannot read it.
    pub fn ingest(&mut self, body: &[u8]) {
        self.requester.handle_message(body).expect("a channel message");
        while let Some(event) = self.requester.poll_event() {
            std::hint::black_box(event);
        }
    }

    /// Items that have not ended.
    pub fn open_items(&self) -> usize {
        self.requester.open_items()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reply_ends_an_item_and_every_peer_reads_the_same() {
        let mut messages = Messages::new(100);
        for _ in 0..3 {
            messages.next_turn(2);
            messages.submit();
            assert_eq!(messages.open_items(), 200);
            for n in messages.turn() {
                let body = messages.body(n).to_vec();
                let owned = owned::decode(&body);
                assert_eq!(owned.data.len(), 100);
                let ids: Vec<_> = owned.data.iter().map(|reply| reply.request_id.as_deref()).collect();
                let cow = cow::decode(&body);
                assert!(cow.data.iter().map(|reply| reply.request_id()).eq(ids.iter().copied()));
                let sonic = sonic::decode(&body);
                assert!(sonic.data.iter().map(|reply| reply.request_id()).eq(ids.iter().copied()));
                messages.ingest(&body);
            }
            assert_eq!(messages.open_items(), 0);
        }
    }
}

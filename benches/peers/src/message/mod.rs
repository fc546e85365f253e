//! A channel message in. The engine reads every reply, matches it to its item, ends the item and tells its caller; the
//! peers only decode.

pub mod cow;
pub mod owned;
pub mod sonic;

use setpoint::{Family, Now, Requester, requester::RequesterConfig};
use setpoint_benches::{EPOCH_MS, ORG, message, nth_id, small};

/// Messages of so many replies each, more of them than a requester remembers, so that they can be sent in circles.
#[derive(Debug)]
pub struct Messages {
    replies: usize,
    /// What was submitted before each message, and the message.
    pairs: Vec<(Vec<u8>, Vec<u8>)>,
    next: usize,
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
        Self { replies, pairs, next: 0, requester }
    }

    /// The next so many messages, which [`Self::ingest`] takes afterwards.
    pub fn turn(&mut self, messages: usize) -> std::ops::Range<usize> {
        let start = if self.next + messages > self.pairs.len() { 0 } else { self.next };
        self.next = start + messages;
        start..self.next
    }

    /// One message.
    pub fn body(&self, n: usize) -> &[u8] {
        &self.pairs[n].1
    }

    /// Submits what the messages speak of.
    ///
    /// # Panics
    /// The requester does not take it.
    pub fn submit(&mut self, turn: std::ops::Range<usize>) {
        for (body, _) in &self.pairs[turn] {
            let sent = self.requester.submit_body(Family::Invoke, body.clone(), Now::new(0, EPOCH_MS));
            assert_eq!(sent.map(|sent| sent.items), Ok(self.replies));
        }
    }

    /// Reads a message and matches every reply.
    ///
    /// # Panics
    /// The requester cannot read it.
    pub fn ingest(&mut self, n: usize) {
        self.requester.handle_message(&self.pairs[n].1).expect("a channel message");
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
            let turn = messages.turn(2);
            messages.submit(turn.clone());
            assert_eq!(messages.open_items(), 200);
            for n in turn {
                let body = messages.body(n).to_vec();
                let owned = owned::decode(&body);
                assert_eq!(owned.data.len(), 100);
                let ids: Vec<_> = owned.data.iter().map(|reply| reply.request_id.as_deref()).collect();
                let cow = cow::decode(&body);
                assert!(cow.data.iter().map(|reply| reply.request_id()).eq(ids.iter().copied()));
                let sonic = sonic::decode(&body);
                assert!(sonic.data.iter().map(|reply| reply.request_id()).eq(ids.iter().copied()));
                messages.ingest(n);
            }
            assert_eq!(messages.open_items(), 0);
        }
    }
}

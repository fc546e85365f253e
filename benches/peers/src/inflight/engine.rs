//! The engine's requester, through its public face: bodies and messages in, events out.

use std::hint::black_box;

use setpoint::{Family, Limits, Now, Requester, reply::read_message, request::read_batch, requester::RequesterConfig};
use setpoint_benches::{EPOCH_MS, ORG};

use super::{Chunk, Keeper, ROUND_MS};

/// A requester. It also reads every batch and every message, which nobody else here does: [`Reading`] says what that
/// costs.
#[derive(Debug)]
pub struct Engine {
    requester: Requester,
    now_ms: u64,
}

impl Engine {
    /// With room for so many items in flight.
    pub fn new(in_flight: usize) -> Self {
        let mut config = RequesterConfig::default();
        config.open_items = config.open_items.saturating_add(in_flight);
        Self { requester: Requester::new(ORG, config, [7; 32]), now_ms: 0 }
    }

    /// Registers a chunk's items.
    ///
    /// # Panics
    /// The requester does not take them.
    pub fn submit(&mut self, chunk: &mut Chunk) {
        let mut n = 0;
        for body in &mut chunk.bodies {
            let now = now(self.now_ms + Chunk::submitted_ms(n));
            let sent = self.requester.submit_body(Family::Invoke, std::mem::take(body), now).expect("fresh ids");
            n += sent.items;
            *body = sent.body;
        }
    }

    fn drain(&mut self) {
        while let Some(event) = self.requester.poll_event() {
            black_box(event);
        }
    }
}

impl Keeper for Engine {
    fn run(&mut self, chunks: &mut [Chunk]) {
        for chunk in chunks {
            self.submit(chunk);
            for message in &chunk.messages {
                self.requester.handle_message(message).expect("a channel message");
                self.drain();
            }
            self.now_ms += ROUND_MS;
            self.requester.handle_timeout(now(self.now_ms));
            self.drain();
            assert_eq!(self.requester.open_items(), 0);
        }
    }
}

/// The reading alone of what [`Engine`] reads.
#[derive(Debug)]
pub struct Reading;

impl Keeper for Reading {
    fn run(&mut self, chunks: &mut [Chunk]) {
        for chunk in chunks {
            for body in &chunk.bodies {
                black_box(read_batch(body, Family::Invoke, ORG, &Limits::DEFAULT).expect("a batch"));
            }
            for message in &chunk.messages {
                black_box(read_message(message, &Limits::DEFAULT).expect("a channel message"));
            }
        }
    }
}

fn now(now_ms: u64) -> Now {
    Now::new(now_ms, EPOCH_MS.saturating_add_unsigned(now_ms))
}

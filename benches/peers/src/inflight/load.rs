//! The items of a round, in every form that somebody takes them in.

use setpoint_benches::{SEED, nth_id, small};

/// Items per batch, and replies per message, at most.
const BATCH: usize = 1_000;
const MESSAGE: usize = 100;
/// More items than a requester remembers, so that ids can come again.
const REMEMBERED: usize = 120_000;

/// As many items as are in flight at once.
#[derive(Debug)]
pub struct Chunk {
    /// Every id, in order of submission.
    pub ids: Vec<String>,
    /// The timeout of each, in milliseconds.
    pub timeouts: Vec<u32>,
    /// The ids that are answered, in order of the answers.
    pub answers: Vec<String>,
    /// The ids as numbers.
    pub numbers: Vec<u64>,
    /// The answers as numbers.
    pub answered_numbers: Vec<u64>,
    /// The others as numbers, in order of submission.
    pub unanswered_numbers: Vec<u64>,
    /// The same items as batches.
    pub bodies: Vec<Vec<u8>>,
    /// The same answers as channel messages.
    pub messages: Vec<Vec<u8>>,
}

impl Chunk {
    /// Items with these ids, of which the `n`th is not answered if `first + n` ends in 7.
    pub fn new(ids: Vec<String>, first: u64, rng: &mut fastrand::Rng) -> Self {
        let timeouts: Vec<u32> = ids.iter().map(|_| rng.u32(5_000..=60_000)).collect();
        let numbers: Vec<u64> = ids.iter().map(|_| rng.u64(..)).collect();
        let is_answered = |n: &usize| (first + *n as u64) % 10 != 7;
        let (mut answered, unanswered): (Vec<usize>, Vec<usize>) = (0..ids.len()).partition(is_answered);
        rng.shuffle(&mut answered);
        let answers: Vec<String> = answered.iter().map(|n| ids[*n].clone()).collect();
        let items: Vec<_> = ids.iter().zip(timeouts.iter().copied()).collect();
        Self {
            bodies: items.chunks(BATCH).map(|items| small::batch(items.iter().copied())).collect(),
            messages: answers.chunks(MESSAGE).map(small::message).collect(),
            unanswered_numbers: unanswered.iter().map(|n| numbers[*n]).collect(),
            answered_numbers: answered.iter().map(|n| numbers[*n]).collect(),
            answers,
            numbers,
            timeouts,
            ids,
        }
    }

    /// When the `n`th item is submitted, in milliseconds from the start of the round: a hundred in each.
    pub fn submitted_ms(n: usize) -> u64 {
        n as u64 / 100
    }
}

/// Chunks to go round in.
#[derive(Debug)]
pub struct Load {
    chunks: Vec<Chunk>,
    next: usize,
    per_turn: usize,
}

impl Load {
    /// Chunks of `in_flight` items; a turn has at least `items`.
    pub fn new(in_flight: usize, items: usize) -> Self {
        let per_turn = items.div_ceil(in_flight);
        let turns = REMEMBERED.div_ceil(in_flight * per_turn) + 1;
        let mut rng = fastrand::Rng::with_seed(SEED ^ in_flight as u64);
        let chunks = (0..turns * per_turn).map(|n| {
            let first = (n * in_flight) as u64;
            Chunk::new((first..first + in_flight as u64).map(nth_id).collect(), first, &mut rng)
        });
        Self { chunks: chunks.collect(), next: 0, per_turn }
    }

    /// Goes on to the next turn. A requester has to, because it remembers the ids of the turn before.
    pub fn next_turn(&mut self) -> &mut [Chunk] {
        self.next = (self.next + self.per_turn) % self.chunks.len();
        self.turn()
    }

    /// The chunks of this turn.
    pub fn turn(&mut self) -> &mut [Chunk] {
        &mut self.chunks[self.next..self.next + self.per_turn]
    }

    /// Items of one turn.
    pub fn items_per_turn(&self) -> usize {
        self.per_turn * self.chunks[0].ids.len()
    }
}

//! A bare set of 64-bit numbers: in, and out again. No ids, no deadlines, nothing to hand back; what is left when
//! everything is left out.

use std::hash::BuildHasher;

use hashbrown::HashSet;

use super::{Chunk, Keeper};

/// The set.
#[derive(Debug, Default)]
pub struct Set<S>(HashSet<u64, S>);

impl<S: BuildHasher> Keeper for Set<S> {
    fn run(&mut self, chunks: &mut [Chunk]) {
        for chunk in chunks {
            for number in &chunk.numbers {
                self.0.insert(*number);
            }
            for number in &chunk.answered_numbers {
                assert!(self.0.remove(number));
            }
            // The rest expires.
            for number in &chunk.unanswered_numbers {
                assert!(self.0.remove(number));
            }
            assert!(self.0.is_empty());
        }
    }
}

//! What waits for an answer: registered, matched in nine cases of ten, expired in the tenth.
//!
//! Everybody gets the same ids with the same timeouts and the same answers in the same random order, and keeps its
//! tables from round to round. What the caller needs of an item is the least there is: that it ended, and how.

pub mod delay_queue;
pub mod engine;
pub mod heap;
mod load;
pub mod set;
pub mod table;
pub mod tasks;

pub use load::{Chunk, Load};

/// Longer than any timeout and the engine's grace, in milliseconds.
const ROUND_MS: u64 = 100_000;

/// Somebody who keeps what is in flight.
pub trait Keeper {
    /// Registers every item of each chunk, matches its answers, and lets the rest expire, chunk by chunk.
    ///
    /// # Panics
    /// An item did not end.
    fn run(&mut self, chunks: &mut [Chunk]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_ends_every_item() {
        for in_flight in [1, 10, 1_000] {
            let mut load = Load::new(in_flight, 2_000);
            let keepers: [&mut dyn Keeper; 7] = [
                &mut engine::Engine::new(in_flight),
                &mut engine::Reading,
                &mut table::Table::new(),
                &mut tasks::Tasks::new(),
                &mut delay_queue::Queue::new(),
                &mut heap::Heap::default(),
                &mut set::Set::<std::collections::hash_map::RandomState>::default(),
            ];
            for keeper in keepers {
                keeper.run(load.next_turn());
                keeper.run(load.next_turn());
            }
        }
    }
}

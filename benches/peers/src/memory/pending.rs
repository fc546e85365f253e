//! Bytes per pending item, with ids of 36 characters.

use super::{Counted, Pending, in_use};
use crate::{
    inflight::{Chunk, Load, delay_queue::Queue, engine::Engine, heap::Heap, table::Table, tasks::Tasks},
    plan::names,
};

pub(super) fn measure(counted: Counted) -> Vec<Pending> {
    let mut found = Vec::new();
    for in_flight in [100_000, 1_000_000] {
        let mut load = Load::new(in_flight, 1);
        let [chunk, ..] = load.turn() else { continue };
        let mut add = |variant: &str, bytes: f64| {
            let is_engine = [names::TABLE, names::REQUESTER].contains(&variant);
            found.push(Pending { variant: variant.to_owned(), is_engine, in_flight, bytes: bytes / in_flight as f64 });
        };
        add(names::TABLE, grown(counted, chunk, Table::new, Table::submit));
        add(names::REQUESTER, grown(counted, chunk, || Engine::new(in_flight), Engine::submit));
        add(names::TASKS, grown(counted, chunk, Tasks::new, |tasks, chunk| tasks.submit(chunk)));
        add(names::QUEUE, grown(counted, chunk, Queue::new, |queue, chunk| queue.submit(chunk)));
        add(names::HEAP, grown(counted, chunk, Heap::default, |heap, chunk| heap.submit(chunk)));
    }
    found
}

/// Bytes that a new keeper holds on to for these items.
fn grown<K>(
    counted: Counted,
    chunk: &mut Chunk,
    new: impl FnOnce() -> K,
    submit: impl FnOnce(&mut K, &mut Chunk),
) -> f64 {
    let mut keeper = new();
    let before = in_use(counted);
    submit(&mut keeper, chunk);
    in_use(counted) - before
}

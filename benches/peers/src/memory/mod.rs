//! Memory and the long run, measured by a program of its own, because its allocator counts and so slows everybody down.

mod allocations;
mod pending;
mod steady;

use serde::{Deserialize, Serialize};
use stats_alloc::Stats;

/// Everything that the program finds.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Memory {
    /// What waits for an answer.
    pub pending: Vec<Pending>,
    /// What is allocated on the way.
    pub allocations: Vec<Allocations>,
    /// The long run.
    pub churn: Steady,
}

/// The memory that pending items take.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Pending {
    /// Whose.
    pub variant: String,
    /// Whether it is the engine.
    pub is_engine: bool,
    /// So many items.
    pub in_flight: usize,
    /// Bytes an item, as asked of the allocator.
    pub bytes: f64,
}

/// How often something allocates.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Allocations {
    /// Which work.
    pub work: String,
    /// What is counted.
    pub of: String,
    /// Allocations an item.
    pub per_item: f64,
    /// The most that still counts as none per item: what is allocated once for a whole batch.
    pub most: Option<f64>,
}

/// Many items in flight, submitted and answered at full rate.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Steady {
    /// Items in flight.
    pub in_flight: usize,
    /// Items with each submission.
    pub batch: usize,
    /// How long it went on.
    pub seconds: u64,
    /// Items submitted in that time.
    pub items: u64,
    /// Nanoseconds an item that the engine itself took.
    pub nanos_an_item: f64,
    /// Memory in use at the end, divided by that at the start.
    pub growth: f64,
    /// How long calls took, by kind.
    pub calls: Vec<Calls>,
}

/// How long the calls of one kind took.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Calls {
    /// Which calls.
    pub name: String,
    /// So many.
    pub count: u64,
    /// In CPU time of their thread.
    pub cpu: Times,
    /// In time on the wall, in which others run as well.
    pub wall: Times,
}

/// Percentiles, in milliseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Times {
    pub median_ms: f64,
    pub p99_ms: f64,
    pub p99_9_ms: f64,
    pub p99_99_ms: f64,
    pub max_ms: f64,
}

/// What the allocator has counted so far.
pub type Counted = fn() -> Stats;

/// Measures everything.
pub fn measure(quick: bool, counted: Counted) -> Memory {
    Memory {
        pending: pending::measure(counted),
        allocations: allocations::measure(counted),
        churn: steady::measure(if quick { 5 } else { 30 }, counted),
    }
}

/// Bytes in use.
fn in_use(counted: Counted) -> f64 {
    let stats = counted();
    stats.bytes_allocated as f64 - stats.bytes_deallocated as f64
}

/// Allocations, and growths of what was allocated, during some work.
fn allocations(counted: Counted, work: impl FnOnce()) -> usize {
    let before = counted();
    work();
    let since = counted() - before;
    since.allocations + since.reallocations
}

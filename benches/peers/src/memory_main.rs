//! Measures memory and the long run, with an allocator that counts, and prints what it found as JSON.
//! `peers` runs it; `--quick` makes the long run a short one.

use std::{alloc::System, io};

use setpoint_peers::memory::measure;
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

fn main() -> serde_json::Result<()> {
    let quick = std::env::args().any(|arg| arg == "--quick");
    serde_json::to_writer(io::stdout().lock(), &measure(quick, || ALLOCATOR.stats()))
}

//! The engine beside what people use today, doing the same work on the same corpora.
//!
//! `batch` and `message` read and answer, `inflight` keeps what waits for an answer, `memory` counts allocations and
//! watches a long run; `measure` runs everything in turns and `report` says what came out.

pub mod batch;
pub mod chart;
pub mod inflight;
pub mod machine;
pub mod measure;
pub mod memory;
pub mod message;
pub mod plan;
pub mod report;

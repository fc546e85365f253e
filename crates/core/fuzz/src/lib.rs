//! What must hold of the engine for every input. Each module is one fuzz target: a function of bytes that panics if the
//! engine breaks a promise. libFuzzer calls it with what it makes up, `cargo test` with the kept corpus.
//!
//! The texts (`batch`, `replies`, `answer`, `topic`, `json`) are read as they are, so that the vectors and samples are
//! their seeds. The scripts are made from bytes by `arbitrary`: a list of steps, each valid in itself.

pub mod answer;
pub mod batch;
mod body;
pub mod json;
pub mod replies;
pub mod requester_script;
pub mod responder_script;
pub mod topic;

#[path = "../../tests/properties/agree.rs"]
mod agree;
#[path = "../../tests/properties/item_by_item.rs"]
mod item_by_item;

/// A bound that short inputs reach.
fn bound(count: usize) -> std::num::NonZeroUsize {
    std::num::NonZeroUsize::new(count).expect("not 0")
}

/// What a target does with an input.
pub type Run = fn(&[u8]);

/// Every target by name.
pub const TARGETS: [(&str, Run); 7] = [
    ("batch", batch::run),
    ("replies", replies::run),
    ("answer", answer::run),
    ("topic", topic::run),
    ("json", json::run),
    ("requester_script", requester_script::run),
    ("responder_script", responder_script::run),
];

//! What the engine is measured on: corpora that look like what applications send, made from a seed (the same seed gives
//! the same bytes), and drivers that keep a conversation going.

mod batch;
pub mod boundary;
mod churn;
mod conversation;
pub mod hostile;
mod id;
mod message;
mod park;
pub mod small;

pub use batch::{Batch, batch, batch_from, valid_batch};
pub use churn::{Churn, Step};
pub use conversation::Conversation;
pub use id::{nth_id, request_id};
pub use message::message;
pub use park::Park;

/// The seed of every corpus that a published figure was measured on.
pub const SEED: u64 = 20_180_911;
/// The org that every batch is checked for.
pub const ORG: &str = "o15244861253";
/// The time that every batch is checked at, in epoch milliseconds.
pub const EPOCH_MS: i64 = 1_536_638_268_000;
/// The batch sizes that figures are published for.
pub const SIZES: [usize; 4] = [1, 100, 1_000, 10_000];

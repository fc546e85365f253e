//! The thread that owns the store, around the seam of [`setpoint_store`].

mod writer;

#[cfg(test)]
pub(crate) use writer::Committer;
pub(crate) use writer::{Confirm, QueuedWrite, StoreWriter};

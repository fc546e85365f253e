//! The run loop: the one owner of the engine. Everything else hands inputs over and carries effects out.

mod channels;
mod effects;
mod inputs;
mod rate_limited_log;
#[cfg(test)]
mod tests;
mod turn;

pub(crate) use channels::channel_record;
pub(crate) use inputs::{Batch, Control, HeldBody, Inputs, NotTaken, RunHandle, inputs};
pub(crate) use turn::{Outputs, RunLoop};

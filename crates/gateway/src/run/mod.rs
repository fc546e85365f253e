//! The run loop: the one owner of the engine. Everything else hands inputs over and carries effects out.

mod flood;
mod inputs;
mod turn;

pub(crate) use inputs::{Batch, ChannelCall, Control, HeldBody, Inputs, NotTaken, RunHandle, inputs};
pub(crate) use turn::{Outputs, RunLoop};

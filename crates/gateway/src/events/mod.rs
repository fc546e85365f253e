//! What a channel's event streams read: its last messages, in order.

mod log;
mod stream;

pub(crate) use log::{ChannelLog, Logs};
pub(crate) use stream::event_stream;

//! The channels' side: which sinks a channel message goes to, and when it counts as published.

mod publisher;
mod router;

pub(crate) use publisher::ChannelLink;
pub(crate) use router::Router;

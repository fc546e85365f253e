//! The devices' side and the channels' topics: a broker, and two connections to it.

mod address;
mod backoff;
mod broker;
mod commands;
mod connection;
mod links;
mod publisher;

pub(crate) use address::BrokerAddress;
pub use broker::EmbeddedBroker;
pub(crate) use commands::{HandOver, LinkReport};
pub(crate) use connection::Incoming;
pub(crate) use links::Links;
pub(crate) use publisher::{Publication, Published};

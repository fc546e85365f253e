//! MQTT, as far as it says nothing about devices or channels: where the broker is, the one that can be embedded, and one
//! connection to it in either version of the protocol. The rooms `devices` and `channels` stand on it.

mod address;
mod broker;
mod connection;

pub(crate) use address::BrokerAddress;
pub use broker::EmbeddedBroker;
pub(crate) use connection::{Arrived, Connection, ConnectionError, Event, Inbox, NoInbox, Outgoing, Sent, Settings};

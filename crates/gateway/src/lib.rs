//! The service of Setpoint: HTTP in front, devices over MQTT behind, outcomes on a channel.
//!
//! ```text
//!  HTTP client ──PUT batch──▶ http ──▶ run loop ──command──▶ devices ──▶ broker ──▶ device
//!              ◀──answer────       ◀── (engine) ◀──answer──          ◀──        ◀──
//!  channel reader ◀── topic (broker) and event stream (http) ◀── finals
//! ```
//!
//! One run loop owns the engine, [`setpoint::Responder`]. Everything else queues inputs for it, or carries its effects out:
//! the [HTTP side](Config::http), the [store](setpoint_store::Store), two connections to a broker that is embedded or external,
//! and the channels' event streams. Every queue is bounded, by a setting of its own or by what the engine has in flight.
//!
//! The modules at the root are rooms; `rooms.txt` beside `Cargo.toml` says which may use which, and `scripts/walls` checks it.
//!
//! # Channels
//! A final is published to the MQTT topic that is named by the channel's id (QoS 1, not retained), and to the event
//! stream `GET /channels/{id}/events?orgId=`: `id:` lines to resume from with `Last-Event-ID`, `data:` lines that hold
//! the channel message, an `event: gap` where messages may have been missed, and comments as heartbeats.
//!
//! # Nobody is authenticated
//! Whoever reaches the HTTP port speaks for every org, and whoever reaches the embedded broker for every device.
//! Therefore both listen on loopback addresses only, unless
//! [`allow_unauthenticated_network`](Config::allow_unauthenticated_network) is set.

#![forbid(unsafe_code)]

mod access;
mod assembly;
mod catalog;
mod channels;
mod config;
mod devices;
mod error;
mod feeds;
mod http;
#[cfg(test)]
mod interleavings;
mod lifecycle;
mod lock;
mod mqtt;
mod ports;
mod run;
mod store;
mod telemetry;

pub use assembly::{DirectoryHandle, Gateway, StartError};
pub use catalog::{CatalogError, DeviceEntry, DeviceList, ServiceEntry};
pub use config::{ChannelEntry, Config, ConfigError, EngineConfig, EventsConfig, HttpConfig, MqttConfig, MqttProtocol};
pub use error::{GatewayError, ListenError};
pub use mqtt::EmbeddedBroker;
/// What [`Gateway::start_with_store`] takes: the trait, its errors and the stores that there are.
pub use setpoint_store;

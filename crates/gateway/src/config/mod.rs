//! Everything that can be set, with its default and its unit.

mod bounds;
mod engine;
mod error;
mod file;
mod http;
mod mqtt;

use std::{
    num::{NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

pub use engine::EngineConfig;
pub use error::ConfigError;
pub use http::HttpConfig;
pub use mqtt::{MqttConfig, MqttProtocol};

use crate::catalog::DeviceEntry;

/// What a gateway is started with. Every part has a default; an unknown key is an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Lets the HTTP listener and the embedded broker be reached from other hosts although nobody is authenticated.
    /// Without it an address that is not loopback is refused.
    pub allow_unauthenticated_network: bool,
    /// Orgs that exist besides those that the device list names.
    pub orgs: Vec<String>,
    /// A device list, `.csv` or `.json`; a relative path is taken from the working directory.
    pub devices_file: Option<PathBuf>,
    /// Devices besides those of the file.
    pub devices: Vec<DeviceEntry>,
    /// Channels that exist from the start.
    pub channels: Vec<ChannelEntry>,
    /// The HTTP side.
    pub http: HttpConfig,
    /// The broker, and the connections to it.
    pub mqtt: MqttConfig,
    /// The engine's bounds.
    pub engine: EngineConfig,
    /// Channels and their event streams.
    pub events: EventsConfig,
}

/// A channel that exists from the start.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
#[non_exhaustive]
pub struct ChannelEntry {
    /// The org that it belongs to.
    pub org_id: String,
    /// `DATASVC.CONTROL.…` for invokes, `DATASVC.SET.…` for writes.
    pub channel_id: String,
    /// What it is for.
    #[serde(default)]
    pub desc: Option<String>,
}

impl ChannelEntry {
    /// A channel without a description.
    pub fn new(org_id: impl Into<String>, channel_id: impl Into<String>) -> Self {
        Self { org_id: org_id.into(), channel_id: channel_id.into(), desc: None }
    }
}

/// How many channels there may be, and what their event streams keep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct EventsConfig {
    /// Most channels of one family in one org.
    pub channels_per_org: NonZeroUsize,
    /// Most messages that a channel keeps for readers that resume.
    pub retained_messages: NonZeroUsize,
    /// Most bytes that a channel keeps for readers that resume.
    pub retained_bytes: NonZeroUsize,
    /// Most bytes that all channels together keep; past it a channel that gets a message gives up its older ones.
    pub retained_bytes_in_all: NonZeroUsize,
    /// Most event streams open at once.
    pub max_streams: NonZeroUsize,
    /// Milliseconds between two heartbeat comments of a stream.
    pub heartbeat_ms: NonZeroU64,
}

impl Default for EventsConfig {
    /// 1,000 channels of a family per org; 1,000 messages and 4 MiB kept per channel, 256 MiB in all; 1,000 streams;
    /// a heartbeat every 15 s.
    fn default() -> Self {
        Self {
            channels_per_org: const { NonZeroUsize::new(1_000).unwrap() },
            retained_messages: const { NonZeroUsize::new(1_000).unwrap() },
            retained_bytes: const { NonZeroUsize::new(4 << 20).unwrap() },
            retained_bytes_in_all: const { NonZeroUsize::new(256 << 20).unwrap() },
            max_streams: const { NonZeroUsize::new(1_000).unwrap() },
            heartbeat_ms: const { NonZeroU64::new(15_000).unwrap() },
        }
    }
}

//! The broker, embedded or external, and the two connections to it.

use std::{
    net::{Ipv4Addr, SocketAddr},
    num::{NonZeroU16, NonZeroU64, NonZeroUsize},
    path::PathBuf,
};

use serde::{Deserialize, Serialize};

/// Which broker to use, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
#[non_exhaustive]
pub struct MqttConfig {
    /// `mqtt://[user:password@]host[:port]` or `mqtts://…` of an external broker, with `?protocol=5` if need be;
    /// without it a broker is embedded. Such a broker must take packets of `max_packet_bytes`.
    pub url: Option<String>,
    /// Where the embedded broker listens; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Version of the protocol that the gateway itself speaks: by default 5 with the embedded broker, which takes both
    /// from devices, and 3.1.1 with an external one. Only in 5 can a client ask not to receive its own
    /// messages (`no local`).
    pub protocol: Option<MqttProtocol>,
    /// PEM file of the certificates to trust for `mqtts://`, instead of the system's.
    pub ca_file: Option<PathBuf>,
    /// Keep-alive interval in seconds; a connection without a response is given up after 1.5 to 2 times that.
    pub keep_alive_s: NonZeroU16,
    /// Largest packet, in bytes; at least 1,024. The embedded broker disconnects a device that sends a larger one.
    pub max_packet_bytes: u32,
    /// Most channel messages published and not yet acknowledged by the broker.
    pub publish_window: NonZeroU16,
    /// Most device messages read and not yet handled.
    pub inbox_messages: NonZeroUsize,
    /// Milliseconds before the first attempt to reconnect; doubled with each further one.
    pub reconnect_min_ms: NonZeroU64,
    /// Most milliseconds between two attempts to reconnect; less than `reconnect_min_ms` counts as that.
    pub reconnect_max_ms: u64,
    /// Most clients of the embedded broker at once.
    pub max_clients: NonZeroUsize,
    /// Most messages that the embedded broker queues for one slow client; past it that client loses its oldest.
    /// It holds for the gateway's own connections, too: a bound below the number of items in flight loses answers.
    pub queued_messages_per_client: NonZeroUsize,
    /// Most bytes that the embedded broker queues for one slow client, at least `max_packet_bytes`; past it that client
    /// loses its oldest.
    pub queued_bytes_per_client: usize,
}

impl Default for MqttConfig {
    /// A broker embedded at `127.0.0.1:1883`; keep-alive every 10 s; packets of 1 MiB; 256 channel
    /// messages under way; 1,024 device messages waiting; reconnecting after 100 ms up to 10 s; 10,000 clients with
    /// 1,000,000 messages or 256 MiB queued each.
    fn default() -> Self {
        Self {
            url: None,
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 1883)),
            protocol: None,
            ca_file: None,
            keep_alive_s: const { NonZeroU16::new(10).unwrap() },
            max_packet_bytes: 1 << 20,
            publish_window: const { NonZeroU16::new(256).unwrap() },
            inbox_messages: const { NonZeroUsize::new(1_024).unwrap() },
            reconnect_min_ms: const { NonZeroU64::new(100).unwrap() },
            reconnect_max_ms: 10_000,
            max_clients: const { NonZeroUsize::new(10_000).unwrap() },
            queued_messages_per_client: const { NonZeroUsize::new(1_000_000).unwrap() },
            queued_bytes_per_client: 256 << 20,
        }
    }
}

/// A version of MQTT.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub enum MqttProtocol {
    /// MQTT 3.1.1.
    #[serde(rename = "3.1.1")]
    V311,
    /// MQTT 5: commands also carry a message expiry.
    #[serde(rename = "5")]
    V5,
}

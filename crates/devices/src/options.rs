//! What can be set about a fleet.

use std::fmt;
use std::sync::Arc;

use crate::device_id::DeviceId;

/// How a fleet connects and how its devices keep to the protocol. Start from [`FleetOptions::default`].
#[derive(Clone)]
#[non_exhaustive]
pub struct FleetOptions {
    /// How long one device may take to be connected and subscribed, in milliseconds. Default 10,000.
    pub connect_timeout_ms: u64,
    /// How many devices connect at the same time. Default 16.
    pub connect_parallel: usize,
    /// The MQTT keep-alive, in seconds. Default 30.
    pub keep_alive_s: u16,
    /// The largest MQTT packet sent or received, in bytes. Default 1 MiB.
    pub max_packet_bytes: usize,
    /// Whether the broker keeps a device's session, and thereby its commands, while the device is offline
    /// (`clean_session = false`). Default false: what is sent to a device that is offline is lost.
    pub persistent_session: bool,
    /// The services the devices have. `None`, the default: any, through one wildcard subscription a device. Named
    /// ones are subscribed to one by one, which is easier on the broker: it need not try a wildcard of every device
    /// on every message, nor send every device its own replies back.
    pub services: Option<Vec<String>>,
    /// How many message ids a device remembers, to execute each at most once. Default 1,024; 0 makes a device
    /// without de-duplication.
    pub remembered_ids: usize,
    /// Whether devices refuse stale commands, and by which clock. Default: they do, and their clocks are right.
    pub freshness: Freshness,
    /// How many milliseconds the devices' wall clocks are ahead of this machine's; negative: behind. Default 0.
    pub clock_offset_ms: i64,
    /// How many entries the ledger keeps, the newest ones; `None`, the default, keeps all.
    pub ledger_limit: Option<usize>,
    /// The login of each device, where the broker wants one. Default `None`.
    pub credentials: Option<CredentialsFor>,
}

/// Gives a device its login.
pub type CredentialsFor = Arc<dyn Fn(&DeviceId) -> Credentials + Send + Sync>;

impl Default for FleetOptions {
    fn default() -> Self {
        Self {
            connect_timeout_ms: 10_000,
            connect_parallel: 16,
            keep_alive_s: 30,
            max_packet_bytes: 1 << 20,
            persistent_session: false,
            services: None,
            remembered_ids: 1024,
            freshness: Freshness::Obey { clock_error_ms: 0 },
            clock_offset_ms: 0,
            ledger_limit: None,
            credentials: None,
        }
    }
}

impl fmt::Debug for FleetOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FleetOptions")
            .field("connect_timeout_ms", &self.connect_timeout_ms)
            .field("connect_parallel", &self.connect_parallel)
            .field("keep_alive_s", &self.keep_alive_s)
            .field("max_packet_bytes", &self.max_packet_bytes)
            .field("persistent_session", &self.persistent_session)
            .field("services", &self.services)
            .field("remembered_ids", &self.remembered_ids)
            .field("freshness", &self.freshness)
            .field("clock_offset_ms", &self.clock_offset_ms)
            .field("ledger_limit", &self.ledger_limit)
            .field("credentials", &self.credentials.is_some())
            .finish()
    }
}

/// Whether a device refuses commands whose time has run out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// It refuses them. The payload's `timeout` counts from the moment of receipt, by a clock that cannot step.
    /// The payload's `deadline` is compared with the wall clock only where `timeout` says nothing: where it is
    /// absent, or where the broker may have held the command back ([`FleetOptions::persistent_session`]).
    Obey {
        /// How far the device's wall clock may be wrong, in milliseconds: a `deadline` counts as passed only
        /// that much later.
        clock_error_ms: u64,
    },
    /// It knows neither field and executes whatever arrives, as devices do that only know the older protocol.
    Ignore,
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A password does not belong into a log.
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

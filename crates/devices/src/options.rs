//! Options of a fleet.

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;

use crate::device_id::DeviceId;

/// How a fleet connects and how its devices follow the protocol. Start from [`FleetOptions::default`].
///
/// ```
/// use setpoint_devices::{FleetOptions, Freshness};
///
/// let mut options = FleetOptions::default();
/// options.persistent_session = true;
/// options.freshness = Freshness::Ignore;
/// ```
#[derive(Clone)]
#[non_exhaustive]
pub struct FleetOptions {
    /// How long one device may take to be connected and subscribed, in milliseconds. Default 10,000.
    pub connect_timeout_ms: u64,
    /// How many devices connect at the same time. Default 16.
    pub connect_parallel: NonZeroUsize,
    /// The MQTT keep-alive, in seconds. Default 30.
    pub keep_alive_s: u16,
    /// The largest MQTT packet sent or received, in bytes. Default 1 MiB.
    pub max_packet_bytes: usize,
    /// Whether the broker keeps a device's session, and with it the commands sent to it, while the device is offline
    /// (`clean_session = false`). Default false: a command to an offline device is lost.
    pub persistent_session: bool,
    /// The services that the devices have. `None`, the default: any, through one wildcard subscription for each device.
    /// Named services are subscribed to one by one. That is less work for the broker, which need not match a wildcard of
    /// every device against every message, nor send every device its own replies.
    pub services: Option<Vec<String>>,
    /// How many message ids a device remembers, to execute each of them at most once. Default 1,024; with 0 a device does
    /// not de-duplicate.
    pub remembered_ids: usize,
    /// Whether devices refuse expired commands, and by which clock. Default: they do, and trust their clocks.
    pub freshness: Freshness,
    /// Milliseconds by which the devices' wall clocks are ahead of this machine's; negative if behind. Default 0.
    pub clock_offset_ms: i64,
    /// How many entries the ledger keeps, the newest ones. `None`, the default, keeps all.
    pub ledger_limit: Option<NonZeroUsize>,
    /// The login of each device, if the broker needs one. Default `None`.
    pub credentials: Option<CredentialsFor>,
}

/// The login of a device.
pub type CredentialsFor = Arc<dyn Fn(&DeviceId) -> Credentials + Send + Sync>;

impl Default for FleetOptions {
    fn default() -> Self {
        const CONNECT_PARALLEL: NonZeroUsize = NonZeroUsize::new(16).unwrap();
        Self {
            connect_timeout_ms: 10_000,
            connect_parallel: CONNECT_PARALLEL,
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

/// Whether a device refuses expired commands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// It refuses them. The payload's `timeout` counts from the moment of receipt, on the monotonic clock. The payload's
    /// `deadline` is compared with the wall clock only where `timeout` cannot tell: if it is absent, or if the broker may
    /// have kept the command for a while ([`FleetOptions::persistent_session`]).
    Obey {
        /// The error that the device allows for in its wall clock, in milliseconds: a `deadline` has passed only that
        /// much later.
        clock_error_ms: u64,
    },
    /// It knows neither field and executes everything, as devices of the older protocol do.
    Ignore,
}

/// A login.
#[derive(Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "MQTT has these two")]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password.
    pub password: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Passwords stay out of logs.
        f.debug_struct("Credentials").field("username", &self.username).finish_non_exhaustive()
    }
}

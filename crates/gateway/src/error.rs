//! Why a gateway does not start, and why it stops.

use std::net::SocketAddr;

use crate::{registry::RegistryError, store::StoreError};

/// Why a gateway did not start. Nothing of it is left running.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration does not make sense.
    #[error("configuration: {0}")]
    Config(String),
    /// An address that other hosts can reach, without the word that this is meant.
    #[error(
        "{key} is {addr}, which other hosts can reach, and nobody is authenticated yet: \
         use a loopback address, or say allow_unauthenticated_network = true"
    )]
    NetworkNotAllowed {
        /// The setting.
        key: &'static str,
        /// Its value.
        addr: SocketAddr,
    },
    /// An address cannot be listened on.
    #[error("cannot listen on {addr} ({key}): {reason}")]
    Listen {
        /// The setting.
        key: &'static str,
        /// Its value.
        addr: SocketAddr,
        /// What the system said.
        reason: String,
    },
    /// A device or a channel of the configuration or of a device list cannot be used.
    #[error(transparent)]
    Registry(#[from] RegistryError),
    /// The store cannot be read.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// The operating system gave no random numbers, or no thread.
    #[error("operating system: {0}")]
    System(String),
}

/// Why a running gateway stopped by itself.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The store failed. What it holds is no longer certain: start again from it.
    #[error("the store failed: {0}")]
    Store(String),
    /// The embedded broker ended.
    #[error("the embedded broker ended: {0}")]
    Broker(String),
    /// A part of the gateway ended that never does: a defect.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}

//! Why a gateway does not start.

use std::io;

use setpoint_store::StoreError;

use crate::{catalog::CatalogError, config::ConfigError, error::ListenError};

/// Why a gateway did not start. Nothing of it is left running.
///
/// What caused it is the [source](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The configuration does not make sense.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// An address cannot be listened on.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// An org, a device or a channel of the configuration or of a device list cannot be used.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The store cannot be read or written.
    #[error("the store cannot be used")]
    Store(#[from] StoreError),
    /// The operating system gave no random numbers.
    #[error("the operating system gives no random numbers")]
    Random(#[from] getrandom::Error),
    /// The operating system gave no thread.
    #[error("the operating system gives no thread")]
    Thread(#[source] io::Error),
}

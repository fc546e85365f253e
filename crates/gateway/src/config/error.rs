//! What is wrong with a configuration.

use std::{error::Error, net::SocketAddr};

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// A value or a file cannot be used.
    #[error("configuration: {place}: {problem}")]
    Unusable {
        /// The file, or the setting as it is spelt in a file.
        place: String,
        /// What is wrong and what to do about it.
        problem: String,
        /// What caused it, where something did.
        source: Option<Box<dyn Error + Send + Sync>>,
    },
    /// An address that other hosts can reach, without `allow_unauthenticated_network`.
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
}

impl ConfigError {
    pub(crate) fn at(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self::Unusable { place: place.into(), problem: problem.into(), source: None }
    }

    /// The same, with what caused it.
    pub(crate) fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        if let Self::Unusable { source, .. } = &mut self {
            *source = Some(Box::new(cause));
        }
        self
    }
}

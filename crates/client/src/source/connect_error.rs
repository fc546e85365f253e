//! Why a source has no connection.

use crate::{SourceError, error_chain};

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// A connection that could not be made, or a subscription that was refused.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub(super) struct ConnectError {
    reason: String,
    source: Option<Cause>,
}

impl ConnectError {
    pub(super) fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into(), source: None }
    }

    pub(super) fn because(reason: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self { reason: reason.into(), source: Some(source.into()) }
    }

    /// The error with its sources, on one line.
    pub(super) fn chain(&self) -> String {
        error_chain(self)
    }

    /// The same, as the error of the source `name`.
    pub(super) fn of_source(self, name: impl Into<String>) -> SourceError {
        let error = SourceError::new(name, self.reason);
        match self.source {
            Some(source) => error.with_source(source),
            None => error,
        }
    }
}

//! What is wrong with an org, a device or a channel.

use std::{error::Error, sync::Arc};

/// An org, a device or a channel that cannot be used.
///
/// What caused it, where something did, is the [source](Error::source).
#[derive(Debug, Clone, thiserror::Error)]
#[error("{place}: {problem}")]
#[non_exhaustive]
pub struct CatalogError {
    /// File, line or record, and column.
    pub place: String,
    /// What is wrong and what to do about it.
    pub problem: String,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

impl CatalogError {
    pub(crate) fn new(place: impl Into<String>, problem: impl Into<String>) -> Self {
        Self { place: place.into(), problem: problem.into(), source: None }
    }

    pub(crate) fn because(
        place: impl Into<String>,
        problem: impl Into<String>,
        source: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self { place: place.into(), problem: problem.into(), source: Some(Arc::new(source)) }
    }

    /// The same, found while reading a larger thing, such as `configuration`.
    pub(crate) fn within(mut self, place: &str) -> Self {
        self.place = format!("{place}, {}", self.place);
        self
    }
}

//! Why a store failed.

use std::{error::Error, fmt, sync::Arc};

use crate::codec::{CodecError, Problem};

/// Why a store failed: what, where, what to do, and the error below it as [`source`](Error::source).
///
/// The message of the source is not repeated: whoever shows the error shows the chain. Cloning is cheap.
///
/// ```
/// use std::{error::Error, io};
/// use setpoint_store::{StoreError, StoreErrorKind};
///
/// let full = io::Error::from(io::ErrorKind::StorageFull);
/// let error = StoreError::new(StoreErrorKind::Full, "appending to store.redb").caused_by(full);
/// assert_eq!(error.to_string(), "appending to store.redb; free space on its disk, then start again");
/// assert_eq!(error.kind(), StoreErrorKind::Full);
/// assert!(error.source().is_some());
/// ```
#[derive(Debug, Clone)]
pub struct StoreError(Box<Details>);

#[derive(Debug, Clone)]
struct Details {
    kind: StoreErrorKind,
    what: String,
    position: Option<u64>,
    source: Option<Arc<dyn Error + Send + Sync>>,
}

/// What sort of failure it is, for programs that decide by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum StoreErrorKind {
    /// What is stored is not what was written. Nothing was changed or skipped.
    Damaged,
    /// What is stored was written by a newer version, or the other way round: what is to be written, this version does not know.
    Unsupported,
    /// Another process has the store open.
    InUse,
    /// There is no room.
    Full,
    /// The system underneath failed: a disk, a network.
    Failed,
    /// An earlier append failed, so it is not known what the store holds: it takes nothing more until it is opened again.
    FailedBefore,
    /// The reader of a replay did not take an entry.
    Rejected,
}

impl StoreErrorKind {
    /// What to do about it.
    fn remedy(self) -> Option<&'static str> {
        match self {
            Self::Damaged => {
                Some("nothing was changed: restore the store from a copy, or salvage what is before this place")
            }
            Self::Unsupported => Some("use the version that wrote it, or a newer one"),
            Self::InUse => Some("stop the other process, or give each a store of its own"),
            Self::Full => Some("free space on its disk, then start again"),
            Self::FailedBefore => Some("start again from the store"),
            Self::Failed | Self::Rejected => None,
        }
    }
}

impl StoreError {
    /// A failure: `what` was being done, and on which file or server.
    pub fn new(kind: StoreErrorKind, what: impl Into<String>) -> Self {
        Self(Box::new(Details { kind, what: what.into(), position: None, source: None }))
    }

    /// For the reader of a replay: an entry that it cannot take, and why.
    ///
    /// ```
    /// use std::error::Error;
    /// use setpoint_store::{StoreError, StoreErrorKind};
    ///
    /// let error = StoreError::rejected("the channel is of an org that does not exist", "o9 is not in the configuration");
    /// assert_eq!(error.kind(), StoreErrorKind::Rejected);
    /// assert_eq!(error.source().unwrap().to_string(), "o9 is not in the configuration");
    /// ```
    pub fn rejected(what: impl Into<String>, why: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::new(StoreErrorKind::Rejected, what).caused_by(why)
    }

    /// That an append is refused since an earlier one failed with `first`.
    ///
    /// ```
    /// use std::error::Error;
    /// use setpoint_store::{StoreError, StoreErrorKind};
    ///
    /// let first = StoreError::new(StoreErrorKind::Full, "appending to store.redb");
    /// let refused = StoreError::failed_before(&first);
    /// assert_eq!(refused.kind(), StoreErrorKind::FailedBefore);
    /// assert_eq!(refused.source().unwrap().to_string(), first.to_string());
    /// ```
    pub fn failed_before(first: &Self) -> Self {
        Self::new(StoreErrorKind::FailedBefore, "an earlier append failed").caused_by(first.clone())
    }

    /// A frame that cannot be read or written; `store` is what the store is called (its file, its stream).
    ///
    /// ```
    /// use setpoint_store::{StoreError, StoreErrorKind, codec::Decoder};
    ///
    /// let error = Decoder::new().frame(17, &[1, 2, 3]).unwrap_err();
    /// let error = StoreError::codec("store.redb", error);
    /// assert_eq!((error.kind(), error.position()), (StoreErrorKind::Damaged, Some(17)));
    /// ```
    pub fn codec(store: &str, error: CodecError) -> Self {
        let kind = match error.problem() {
            Problem::Format { .. } | Problem::Kind { .. } | Problem::Surplus { .. } | Problem::UnknownRecord => {
                StoreErrorKind::Unsupported
            }
            Problem::TooLarge { .. } => StoreErrorKind::Failed,
            _ => StoreErrorKind::Damaged,
        };
        Self::new(kind, store).at(error.position()).caused_by(error)
    }

    /// The same failure, at this position of the log.
    #[must_use]
    pub fn at(mut self, position: u64) -> Self {
        self.0.position = Some(position);
        self
    }

    /// The same failure, with what caused it.
    #[must_use]
    pub fn caused_by(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.0.source = Some(Arc::from(source.into()));
        self
    }

    /// What sort of failure it is.
    pub fn kind(&self) -> StoreErrorKind {
        self.0.kind
    }

    /// The position in the log (row, sequence number), where the failure has one.
    pub fn position(&self) -> Option<u64> {
        self.0.position
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.what)?;
        if let Some(position) = self.0.position {
            write!(f, ", position {position}")?;
        }
        match self.0.kind.remedy() {
            Some(remedy) => write!(f, "; {remedy}"),
            None => Ok(()),
        }
    }
}

impl Error for StoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_says_what_where_and_what_to_do_and_leaves_the_cause_to_its_source() {
        let frame = crate::codec::Decoder::new().frame(17, &[9; 12]).unwrap_err();
        let error = StoreError::codec("store.redb", frame.clone());
        assert_eq!(error.to_string(), "store.redb, position 17; use the version that wrote it, or a newer one");
        assert_eq!(error.source().unwrap().downcast_ref::<CodecError>(), Some(&frame));
        assert_eq!(error.source().map(ToString::to_string), Some(frame.to_string()));
        assert!(StoreError::new(StoreErrorKind::Failed, "syncing").source().is_none());
    }
}

//! What a call can fail with.

use setpoint::{Code, Family, requester::SubmitError};

use crate::{SourceError, TransportError};

/// An error of a library below.
type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Why a call failed.
///
/// A message says what to do; what a program needs is in the fields; what went wrong underneath is the
/// [source](std::error::Error::source). [`error_chain`](crate::error_chain) has all of it on one line.
///
/// ```
/// use setpoint_client::{Client, Error};
///
/// # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
/// let error = Client::builder("http://127.0.0.1:8080").build().await.unwrap_err();
/// assert!(matches!(error, Error::Setting { setting: "org", .. }));
/// assert!(error.to_string().contains(".org_id("));
/// # });
/// ```
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A setting of the builder cannot be used.
    #[error("{setting}: {reason}")]
    Setting {
        /// Which setting.
        setting: &'static str,
        /// What is wrong with it and what would be right.
        reason: String,
        /// What the library below says about it, if it was asked.
        source: Option<Cause>,
    },
    /// The batch is not usable as it is. Nothing was sent.
    #[error(transparent)]
    Submit(#[from] SubmitError),
    /// An item names no channel, and the client has none of its family.
    #[error(
        "item {index} names no channel and this client has none for the {} family; \
         give one to the builder: .channel(\"{}…\")",
        .family.name(), .family.table().channel_prefix
    )]
    NoChannel {
        /// Which item.
        index: usize,
        /// Its family.
        family: Family,
    },
    /// An item names a channel on which this client does not listen: its outcome would never be seen.
    #[error(
        "item {index}: this client does not listen on channel {channel_id:?}, so the outcome would never be seen; \
         add .channel({channel_id:?}) to the builder"
    )]
    NotListening {
        /// Which item.
        index: usize,
        /// The channel that it names.
        channel_id: String,
    },
    /// The channel cannot be listened on.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A source ended for good, so outcomes can no longer be heard: nothing more is sent.
    #[error("{name} has ended ({reason}), so outcomes can no longer be heard; build a new client")]
    SourceEnded {
        /// Which source.
        name: String,
        /// Why.
        reason: String,
    },
    /// No answer from the service.
    #[error("no answer from {url}; check the URL and that the service runs (`setpoint serve`)")]
    Unreachable {
        /// What was called.
        url: String,
        /// Whether it is certain that nothing was sent.
        not_sent: bool,
        /// What went wrong.
        source: TransportError,
    },
    /// The service refused a call that is not a batch.
    #[error("{url} answered {code} {msg}{}", .submsg.as_deref().map(|s| format!(": {s}")).unwrap_or_default())]
    CallRefused {
        /// What was called.
        url: String,
        /// The code, or the HTTP status where the whole request was refused.
        code: Code,
        /// The code's message.
        msg: String,
        /// What exactly is wrong.
        submsg: Option<String>,
    },
    /// The answer is not one of this protocol.
    #[error("{url} answered HTTP {http_status} with something that is not a Setpoint answer; check the URL")]
    Unreadable {
        /// What was called.
        url: String,
        /// The HTTP status.
        http_status: u16,
        /// The byte at which reading stopped, where it is known.
        offset: Option<usize>,
        /// What is wrong with it.
        source: Cause,
    },
    /// The client was closed.
    #[error("the client is closed")]
    Closed,
    /// The operating system has no random bits, without which request ids could be guessed or repeated.
    #[error("the operating system has no random bits")]
    Random(#[from] getrandom::Error),
}

impl Error {
    /// The protocol's code, where the failure has one.
    pub fn code(&self) -> Option<Code> {
        match self {
            Self::CallRefused { code, .. } => Some(*code),
            Self::Submit(SubmitError::Request(error)) => Some(Code(i64::from(error.status))),
            _ => None,
        }
    }

    /// Byte offset into the body that was given or received, where that is at fault.
    pub fn offset(&self) -> Option<usize> {
        match self {
            Self::Submit(SubmitError::Request(error)) => error.offset,
            Self::Unreadable { offset, .. } => *offset,
            _ => None,
        }
    }

    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into(), source: None }
    }

    pub(crate) fn setting_because(setting: &'static str, reason: impl Into<String>, source: impl Into<Cause>) -> Self {
        Self::Setting { setting, reason: reason.into(), source: Some(source.into()) }
    }
}

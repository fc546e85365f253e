//! Why a call got no response.

use crate::error_chain;

/// Why a call got no response, or not all of it.
///
/// What went wrong underneath, such as a refused connection, is its [source](std::error::Error::source).
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TransportError(#[from] Cause);

#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("no response in time")]
    Timeout,
    #[error("the response has more than {max_bytes} bytes")]
    TooLarge { max_bytes: usize },
    #[error(transparent)]
    Http(reqwest::Error),
    #[cfg(test)]
    #[error("{0}")]
    Scripted(&'static str),
}

impl TransportError {
    pub(crate) fn from_http(error: reqwest::Error) -> Self {
        if error.is_timeout() && !error.is_connect() {
            return Cause::Timeout.into();
        }
        // Whoever reports it names the URL, in the form in which it was given.
        Cause::Http(error.without_url()).into()
    }

    /// The error with all its sources, on one line: the outermost text of an HTTP error says next to nothing.
    pub(crate) fn chain(&self) -> String {
        error_chain(self)
    }

    /// Whether it is certain that nothing was sent.
    pub(crate) fn is_before_sending(&self) -> bool {
        matches!(&self.0, Cause::Http(error) if error.is_connect() || error.is_builder())
    }
}

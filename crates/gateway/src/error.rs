//! Errors that more than one room needs, and how an error is printed with everything that caused it.

use std::{any::Any, error::Error, fmt, net::SocketAddr, sync::Arc};

use setpoint_store::StoreError;

/// Why a running gateway stopped by itself.
///
/// What caused it is the [source](Error::source).
#[derive(Debug, Clone, thiserror::Error)]
#[non_exhaustive]
pub enum GatewayError {
    /// The store failed. What it holds is no longer certain: start again from it.
    #[error("the store failed")]
    Store(#[source] StoreError),
    /// The embedded broker ended.
    #[error("the embedded broker ended")]
    Broker(#[source] Arc<dyn Error + Send + Sync>),
    /// A part of the gateway panicked: a defect.
    #[error("the {part} panicked: {message}")]
    Panicked {
        /// Which part.
        part: &'static str,
        /// What the panic said.
        message: String,
    },
    /// A part of the gateway ended that never does: a defect.
    #[error("the {0} ended unexpectedly")]
    Ended(&'static str),
}

impl GatewayError {
    /// A panic, from what [`catch_unwind`](std::panic::catch_unwind) caught.
    pub(crate) fn panicked(part: &'static str, payload: &(dyn Any + Send)) -> Self {
        Self::Panicked { part, message: panic_message(payload).to_owned() }
    }
}

/// An address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {addr} ({key})")]
#[non_exhaustive]
pub struct ListenError {
    /// The setting.
    pub key: &'static str,
    /// Its value.
    pub addr: SocketAddr,
    /// What the system or the broker said.
    pub source: Box<dyn Error + Send + Sync>,
}

/// What a panic said.
pub(crate) fn panic_message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str)).unwrap_or("no message")
}

/// Prints an error and every source below it on one line, separated by colons.
pub(crate) struct Chain<'a>(pub(crate) &'a (dyn Error + 'static));

impl fmt::Display for Chain<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut last = self.0.to_string();
        f.write_str(&last)?;
        let mut source = self.0.source();
        while let Some(error) = source {
            let message = error.to_string();
            // Some libraries put the message of the source into their own.
            if !last.ends_with(&message) {
                write!(f, ": {message}")?;
                last = message;
            }
            source = error.source();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use setpoint_store::StoreErrorKind;

    use super::*;

    #[test]
    fn a_chain_prints_every_source() {
        let source = io::Error::other("address in use");
        let error = ListenError { key: "http.listen", addr: ([127, 0, 0, 1], 80).into(), source: Box::new(source) };
        assert_eq!(Chain(&error).to_string(), "cannot listen on 127.0.0.1:80 (http.listen): address in use");
        let error = GatewayError::Store(StoreError::new(StoreErrorKind::Failed, "disk full"));
        assert_eq!(Chain(&error).to_string(), "the store failed: disk full");
    }

    #[test]
    fn a_source_that_the_message_ends_with_is_not_repeated() {
        #[derive(Debug, thiserror::Error)]
        #[error("I/O: {0}")]
        struct Repeats(#[source] io::Error);
        let error = Repeats(io::Error::other("no such host"));
        assert_eq!(Chain(&error).to_string(), "I/O: no such host");
    }

    #[test]
    fn a_panic_keeps_its_message() {
        for message in
            [std::panic::catch_unwind(|| panic!("plain")), std::panic::catch_unwind(|| panic!("{}", "plain"))]
        {
            let error = GatewayError::panicked("run loop", &*message.unwrap_err());
            assert_eq!(error.to_string(), "the run loop panicked: plain");
        }
    }
}

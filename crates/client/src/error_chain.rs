//! An error with its sources, for a log line or a person.

/// An error and all its sources on one line, outermost first. A source whose text is part of the line already is left
/// out.
///
/// ```
/// use setpoint_client::{Error, SourceError, error_chain};
///
/// let refused = std::io::Error::from(std::io::ErrorKind::ConnectionRefused);
/// let error = Error::from(SourceError::new("relay", "no connection").with_source(refused));
/// assert_eq!(error.to_string(), "cannot listen on relay: no connection");
/// assert_eq!(error_chain(&error), "cannot listen on relay: no connection: connection refused");
/// ```
pub fn error_chain(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        let text = error.to_string();
        if !line.contains(&text) {
            line.push_str(": ");
            line.push_str(&text);
        }
        source = error.source();
    }
    line
}

//! What ends a command early, and with which exit code.

use std::io::Write as _;

/// The exit codes. `--help` explains them.
pub(crate) mod exit {
    pub(crate) const OK: u8 = 0;
    pub(crate) const SOME_NOT: u8 = 1;
    pub(crate) const WHOLE_REQUEST: u8 = 2;
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const INPUT: u8 = 66;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const INTERNAL: u8 = 70;
    pub(crate) const OUTPUT: u8 = 74;
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Empty for a reader that went away: nobody is left to read it.
    message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    pub(crate) fn print(&self) {
        if !self.message.is_empty() {
            // Nowhere is left to complain to when this cannot be printed.
            let _ = writeln!(std::io::stderr(), "error: {}", self.message);
        }
    }
}

/// Failures to write the output.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        let message = match error.kind() {
            std::io::ErrorKind::BrokenPipe => String::new(),
            _ => format!("the output cannot be written: {error}"),
        };
        Self { code: exit::OUTPUT, message }
    }
}

impl From<setpoint_client::Error> for Failure {
    fn from(error: setpoint_client::Error) -> Self {
        use setpoint_client::Error;
        let code = match &error {
            Error::Setting { .. } => exit::USAGE,
            Error::Submit(_) => exit::WHOLE_REQUEST,
            Error::CallRefused { .. } => exit::SOME_NOT,
            _ => exit::UNAVAILABLE,
        };
        Self::new(code, error.to_string())
    }
}

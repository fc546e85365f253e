//! Why a command ends early, and its exit code.

use std::{error::Error, io::Write as _};

use setpoint_client::error_chain;

/// The exit codes. `--help` explains them. From 64 on they are those of `sysexits.h`.
pub(crate) mod exit {
    pub(crate) const OK: u8 = 0;
    pub(crate) const SOME_NOT: u8 = 1;
    pub(crate) const WHOLE_REQUEST: u8 = 2;
    pub(crate) const USAGE: u8 = 64;
    pub(crate) const INPUT: u8 = 66;
    pub(crate) const UNAVAILABLE: u8 = 69;
    pub(crate) const INTERNAL: u8 = 70;
    pub(crate) const OUTPUT: u8 = 74;
    /// A part of the service panicked: the exit code of any Rust program that does.
    pub(crate) const PANICKED: u8 = 101;
    pub(crate) const INTERRUPTED: u8 = 130;
}

/// Why a command ends early.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) code: u8,
    /// Printed on standard error. Empty if the reader of standard output has gone: then nothing is printed.
    message: String,
}

impl Failure {
    pub(crate) fn new(code: u8, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// An error, with all its sources.
    pub(crate) fn of(code: u8, error: &dyn Error) -> Self {
        Self::new(code, error_chain(error))
    }

    /// A part of the process does not start.
    pub(crate) fn does_not_start(part: &str, error: &dyn Error) -> Self {
        Self::new(exit::INTERNAL, format!("{part} does not start: {}", error_chain(error)))
    }

    pub(crate) fn print(&self) {
        if !self.message.is_empty() {
            // If standard error cannot be written, nothing can be reported.
            let _ = writeln!(std::io::stderr(), "error: {}", self.message);
        }
    }
}

/// Standard output cannot be written.
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
        use setpoint_client::Error as ClientError;
        let code = match &error {
            ClientError::Setting { .. } => exit::USAGE,
            ClientError::Submit(_) => exit::WHOLE_REQUEST,
            ClientError::CallRefused { .. } => exit::SOME_NOT,
            _ => exit::UNAVAILABLE,
        };
        Self::of(code, &error)
    }
}

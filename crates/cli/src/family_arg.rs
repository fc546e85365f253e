//! The family of a call, on the command line.

use clap::ValueEnum;

/// Which of the two calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FamilyArg {
    /// Services of devices.
    Invoke,
    /// Values for measure points.
    Write,
}

impl From<FamilyArg> for setpoint::Family {
    fn from(family: FamilyArg) -> Self {
        match family {
            FamilyArg::Invoke => Self::Invoke,
            FamilyArg::Write => Self::Write,
        }
    }
}

//! How a device may handle a command.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a device handles one command.
///
/// Every behaviour *executes* the command first: the faults are in the answer. So a missing answer does not mean that
/// nothing happened, which is what callers have to be tested for. (Expired commands are refused before a plan is asked.)
///
/// ```
/// use setpoint_devices::{Behaviour, Command};
///
/// /// A plan: services called `fail` fail, all others succeed.
/// fn plan(command: &Command) -> Behaviour {
///     match command.target.as_str() {
///         "fail" => Behaviour::Fail { code: 2_001, message: "no power".to_owned() },
///         _ => Behaviour::succeed(),
///     }
/// }
/// ```
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Behaviour {
    /// Answers success at once.
    Succeed {
        /// The answer's `data`.
        output: Output,
    },
    /// Answers that it failed.
    Fail {
        /// The code of the failure: 2000 and above are the user's own, 1101 and 1102 the device SDK's.
        code: i64,
        /// What went wrong.
        message: String,
    },
    /// Executes at once and answers success later, in time or not.
    Late {
        /// How long after execution the answer is sent, in milliseconds.
        delay_ms: u64,
    },
    /// Sends the same success twice.
    Twice,
    /// Sends a success, then a failure for the same command.
    ConflictingTwice,
    /// Executes, and never answers.
    Never,
    /// Sends an answer that cannot be used.
    Garbage(Garbage),
    /// Publishes its success on the reply topic of a neighbour: the right message id, the wrong device.
    ForNeighbour,
    /// Answers on its own topic with a message id that was never issued.
    WrongId,
}

impl Behaviour {
    /// Success at once, with the parameters echoed as output.
    #[must_use]
    pub fn succeed() -> Self {
        Self::Succeed { output: Output::Echo }
    }
}

/// The `data` of a success.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Output {
    /// No `data` at all.
    None,
    /// The command's parameters, exactly as they were received.
    Echo,
    /// This value.
    Json(Value),
}

/// A kind of unusable answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Garbage {
    /// JSON with the right id, but with a code that is not a number and a `data` that is not an object.
    BrokenContent,
    /// Bytes that are not JSON, so that nothing in them can be matched to a command.
    NotJson,
}

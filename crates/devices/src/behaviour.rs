//! The ways a device can treat a command.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// How a device treats one command.
///
/// Every behaviour but the refusal of a stale command, which is not up to the plan, *executes* the command first:
/// the faults are in the answer. That is what makes a missing answer dangerous, and worth testing.
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
        /// The failure's code: 2000 and above are the user's own, 1101 and 1102 the device SDK's.
        code: i64,
        /// What went wrong.
        message: String,
    },
    /// Executes at once and answers success later, in time or not.
    Late {
        /// How long the answer is held back, in milliseconds.
        delay_ms: u64,
    },
    /// Sends the same success twice.
    Twice,
    /// Sends a success, then a failure for the same command.
    ConflictingTwice,
    /// Executes, and never answers.
    Never,
    /// Answers something that is no proper answer.
    Garbage(Garbage),
    /// Publishes its success on a neighbour's reply topic: the right message id, the wrong device.
    ForNeighbour,
    /// Answers on its own topic with a message id nobody issued.
    WrongId,
}

impl Behaviour {
    /// Success at once, with the parameters echoed as output.
    #[must_use]
    pub fn succeed() -> Self {
        Self::Succeed { output: Output::Echo }
    }
}

/// What a success carries as `data`.
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

/// Which kind of broken answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub enum Garbage {
    /// JSON with the right id, but with a code that is no number and a `data` that is no object.
    BrokenContent,
    /// Bytes that are not even JSON. Nothing in them can be matched to a command.
    NotJson,
}

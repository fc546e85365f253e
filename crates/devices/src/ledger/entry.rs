//! What the ledger holds.

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::command::Family;
use crate::device_id::DeviceId;

/// One thing that arrived at a device, and what came of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the ledger, from 0, in the order of processing.
    pub seq: u64,
    /// The device it arrived at.
    pub device: DeviceId,
    /// The gateway's message id; empty where none could be read.
    pub message_id: String,
    /// Invoke or write.
    pub family: Family,
    /// The service, or the measure points written, joined with commas.
    pub target: String,
    /// The parameters as received, JSON text; empty where none could be read.
    pub params: String,
    /// When it was received.
    pub received: Stamp,
    /// What the device made of it.
    pub verdict: Verdict,
    /// When it was executed, if it was.
    pub executed: Option<Stamp>,
    /// What the plan ordered, if it was asked.
    pub behaviour: Option<Behaviour>,
    /// The answers that were handed to the connection, in that order.
    pub answers: Vec<Answer>,
}

/// What a device made of something that arrived.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Verdict {
    /// It was executed.
    Executed,
    /// Its message id was remembered: not executed, answered as before.
    Duplicate,
    /// Its time had run out: not executed, answered with [`STALE_CODE`](crate::STALE_CODE).
    RefusedStale,
    /// It was a retained message: not executed, not answered.
    IgnoredRetained,
    /// It was no command: not executed, not answered.
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Answer {
    /// The topic it was published on.
    pub topic: String,
    /// The payload as published; JSON text unless it was meant to be garbage.
    pub payload: String,
    /// The code in it, where it holds a proper one.
    pub code: Option<i64>,
    /// The text of `data` in it, where it holds any.
    pub data: Option<String>,
    /// When it was handed to the connection first.
    pub sent: Stamp,
    /// How often it was handed to the connection: more than once when the link was lost in between.
    pub attempts: u32,
    /// When the broker acknowledged it, if it has.
    pub acknowledged: Option<Stamp>,
}

/// A moment, by two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stamp {
    /// Microseconds since the ledger was made, by a clock that never steps.
    pub us: u64,
    /// Milliseconds since the Unix epoch, by the machine's wall clock.
    pub epoch_ms: i64,
}

//! The entries of the ledger.

use serde::{Deserialize, Serialize};

use crate::behaviour::Behaviour;
use crate::command::Family;
use crate::device_id::DeviceId;

/// A message that arrived at a device, what the device did, and what it answered.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Entry {
    /// Its number in the ledger, from 0, in the order in which messages were handled.
    pub seq: u64,
    /// The device at which it arrived.
    pub device: DeviceId,
    /// The gateway's message id; empty if none could be read.
    pub message_id: String,
    /// Invoke or write.
    pub family: Family,
    /// The service, or the measure points that are written, joined with commas.
    pub target: String,
    /// The parameters as received, JSON text; empty if none could be read.
    pub params: String,
    /// When it was received.
    pub received: Stamp,
    /// What the device did with it.
    #[serde(rename = "verdict")]
    pub disposition: Disposition,
    /// When it was executed, if it was.
    pub executed: Option<Stamp>,
    /// What the plan decided, if it was asked.
    pub behaviour: Option<Behaviour>,
    /// The answers that were handed to the connection, in this order.
    pub answers: Vec<Answer>,
}

/// What a device did with a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", rename_all_fields = "camelCase")]
#[non_exhaustive]
pub enum Disposition {
    /// Executed, and answered as the plan says.
    Executed,
    /// Not executed, because its message id was remembered; answered as before.
    Duplicate,
    /// Not executed, because it had expired; answered with [`STALE_CODE`](crate::STALE_CODE).
    RefusedStale,
    /// Neither executed nor answered, because it was a retained message.
    IgnoredRetained,
    /// Neither executed nor answered, because it was not a command.
    Malformed {
        /// What is wrong with it.
        reason: String,
    },
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Answer {
    /// The topic it was published on.
    pub topic: String,
    /// The payload as published; JSON text, unless it is deliberate garbage.
    pub payload: String,
    /// The code in the payload, if there is a proper one.
    pub code: Option<i64>,
    /// The JSON text of `data` in the payload, if there is any.
    pub data: Option<String>,
    /// When it was first handed to the connection.
    pub sent: Stamp,
    /// How many times it was handed to a connection: more than once if a connection was lost.
    pub attempts: u32,
    /// When the broker acknowledged it, if it has.
    pub acknowledged: Option<Stamp>,
}

/// A moment on two clocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[non_exhaustive]
pub struct Stamp {
    /// Microseconds since the ledger was created, on a monotonic clock.
    pub us: u64,
    /// Milliseconds since the Unix epoch, on the wall clock.
    pub epoch_ms: i64,
}

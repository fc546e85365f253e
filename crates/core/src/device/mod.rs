//! The device side: topics, command payloads, answers (protocol §8).

use crate::{
    Family, Limits,
    json::{Payload, Text},
};

/// The topic that carries a command to its device.
pub fn command_topic(family: Family, product_key: &str, device_key: &str, target: &str) -> String {
    let _ = (family, product_key, device_key, target);
    unimplemented!()
}

/// Where a device's answer came from, taken from its topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnswerTopic<'a> {
    /// Key of the product.
    pub product_key: &'a str,
    /// Key of the device.
    pub device_key: &'a str,
    /// The service that answers; `None` for a write.
    pub service_id: Option<&'a str>,
}

impl<'a> AnswerTopic<'a> {
    /// Reads `/sys/{productKey}/{deviceKey}/thing/service/…_reply`; `None` for any other topic.
    pub fn parse(topic: &'a str) -> Option<Self> {
        let _ = topic;
        unimplemented!()
    }
}

/// The topic filters that together match every device's answers, and nothing twice.
pub const ANSWER_FILTERS: [&str; 2] = ["/sys/+/+/thing/service/+", "/sys/+/+/thing/service/measurepoint/set_reply"];

/// One command, as its device gets it.
#[derive(Debug, Clone, Copy)]
pub struct CommandPayload<'a> {
    /// Invoke or write.
    pub family: Family,
    /// The gateway's own id, which the answer must repeat.
    pub message_id: &'a str,
    /// Service id or measure point id.
    pub target: &'a str,
    /// `inputData` as the caller wrote it.
    pub input: Option<Payload<'a>>,
    /// Milliseconds left until the deadline.
    pub timeout_ms: u64,
    /// The deadline, epoch milliseconds.
    pub deadline_epoch_ms: i64,
}

impl CommandPayload<'_> {
    /// Writes `{"id":…,"version":"1.0","params":…,"method":…,"timeout":…,"deadline":…}`.
    pub fn write(&self, out: &mut Vec<u8>) {
        let _ = out;
        unimplemented!()
    }
}

/// A device's answer whose id could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<'a> {
    /// The message id that it answers.
    pub id: Text<'a>,
    /// What it says, or why that cannot be used.
    pub content: Result<AnswerContent<'a>, String>,
}

/// What a device says of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnswerContent<'a> {
    /// 200 is success, anything else is the device's failure.
    pub code: i64,
    /// The output; `None` for absent or null.
    pub data: Option<Payload<'a>>,
    /// The device's own words.
    pub message: Option<Text<'a>>,
}

/// Reads a device's answer. `Err` says why not even its id could be read.
///
/// # Errors
/// It is not strict JSON, not an object, has no id, or is too large.
pub fn read_answer<'a>(payload: &'a [u8], limits: &Limits) -> Result<Answer<'a>, String> {
    let _ = (payload, limits);
    unimplemented!()
}

//! The payload that carries a command to its device (protocol §8).

use crate::{
    Family,
    json::{Payload, write},
};

/// One command, as its device gets it.
#[derive(Debug, Clone, Copy)]
#[allow(clippy::exhaustive_structs, reason = "callers make them")]
pub struct CommandPayload<'a> {
    /// Invoke or write.
    pub family: Family,
    /// The service's own id, which the answer must repeat.
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
    ///
    /// The params of an invoke are its `inputData`, those of a write `{measurepointId: value}`; numbers stay as the
    /// caller wrote them.
    pub fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(br#"{"id":"#);
        write::string(out, self.message_id);
        out.extend_from_slice(br#","version":"1.0","params":"#);
        match self.family {
            Family::Invoke => {
                out.extend_from_slice(self.input.unwrap_or(Payload::EMPTY).as_str().as_bytes());
                out.extend_from_slice(br#","method":"thing.service."#);
                write::escaped(out, self.target);
                out.push(b'"');
            }
            Family::Write => {
                out.push(b'{');
                write::string(out, self.target);
                out.push(b':');
                // A command that was read has one value. Without one, null: a device refuses it.
                let value = self.input.and_then(Payload::sole_value).unwrap_or("null");
                out.extend_from_slice(value.as_bytes());
                out.extend_from_slice(br#"},"method":"thing.service.measurepoint.set""#);
            }
        }
        out.extend_from_slice(br#","timeout":"#);
        write::integer(out, self.timeout_ms);
        out.extend_from_slice(br#","deadline":"#);
        write::integer(out, self.deadline_epoch_ms);
        out.push(b'}');
    }
}

//! Reads a command from a topic and a payload.

use std::fmt;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::device_id::DeviceId;
use crate::json_member;

/// The end, after `service/`, of the topic on which writes arrive.
const WRITE_TOPIC: &str = "measurepoint/set";

/// Which of the two families a command belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
#[allow(clippy::exhaustive_enums, reason = "the protocol has two families")]
pub enum Family {
    /// A service was invoked.
    Invoke,
    /// Measure points were written.
    Write,
}

impl fmt::Display for Family {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Invoke => "invoke",
            Self::Write => "write",
        })
    }
}

/// A command, as it arrived at a device.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Command {
    /// The device at which it arrived.
    pub device: DeviceId,
    /// The gateway's message id, which the answer has to repeat.
    pub message_id: String,
    /// Invoke or write.
    pub family: Family,
    /// The service, or the measure points that are written, joined with commas.
    pub target: String,
    /// The parameters: the JSON text as it was received.
    pub params: String,
    /// The time that was left when the gateway sent the command, in milliseconds, if the payload says it.
    pub timeout_ms: Option<i64>,
    /// When the command expires, in milliseconds since the Unix epoch, if the payload says it.
    pub deadline_epoch_ms: Option<i64>,
}

impl Command {
    /// The parameter `name`, parsed. A number may lose digits here; [`Command::params`] keeps them.
    #[must_use]
    pub fn param(&self, name: &str) -> Option<Value> {
        match serde_json::from_str(&self.params) {
            Ok(Value::Object(mut map)) => map.remove(name),
            _ => None,
        }
    }

    /// The topic on which the device answers.
    #[must_use]
    pub fn reply_topic(&self) -> String {
        self.reply_topic_of(&self.device)
    }

    /// The topic on which `device` would answer this command.
    pub(crate) fn reply_topic_of(&self, device: &DeviceId) -> String {
        let below = match self.family {
            Family::Invoke => &self.target,
            Family::Write => WRITE_TOPIC,
        };
        format!("{}{below}_reply", device.service_prefix())
    }
}

/// A message on one of a device's topics.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Arrival {
    /// A command.
    Command(Command),
    /// An answer, its own or one forged in its name: the filter `service/+` also matches the reply topics.
    Reply,
    /// Something on a command topic that is not a command.
    Malformed { family: Family, target: String, reason: String },
}

/// The payload, as far as a device reads it. Unknown fields are ignored.
#[derive(Deserialize)]
struct Payload {
    id: String,
    method: Option<String>,
    #[serde(default)]
    params: Value,
    timeout: Option<i64>,
    deadline: Option<i64>,
}

/// Reads a message that arrived for `device`.
pub(crate) fn read(device: &DeviceId, topic: &str, payload: &[u8]) -> Arrival {
    let below = topic.strip_prefix(&device.service_prefix()).unwrap_or(topic);
    let family = if below == WRITE_TOPIC { Family::Write } else { Family::Invoke };
    let malformed = |reason: String| Arrival::Malformed {
        family,
        target: match family {
            Family::Invoke => below.to_owned(),
            Family::Write => String::new(),
        },
        reason,
    };
    let could_be_reply = below.ends_with("_reply");
    let Ok(text) = std::str::from_utf8(payload) else {
        return if could_be_reply { Arrival::Reply } else { malformed("the payload is not UTF-8".to_owned()) };
    };
    let parsed = match serde_json::from_str::<Payload>(text) {
        Ok(parsed) => parsed,
        Err(_) if could_be_reply => return Arrival::Reply,
        Err(error) => return malformed(format!("the payload is not a command: {error}")),
    };
    // A service may be named `x_reply`: its commands have a method, replies have none.
    let expected = match family {
        Family::Invoke => format!("thing.service.{below}"),
        Family::Write => "thing.service.measurepoint.set".to_owned(),
    };
    match parsed.method {
        None if could_be_reply => return Arrival::Reply,
        Some(method) if method == expected => {}
        other => return malformed(format!("the method is {other:?} and not `{expected}`")),
    }
    // serde also reads a struct from an array, which a command must not be.
    let Some(params) = json_member::find(text, "params") else {
        return malformed("there is no `params` object".to_owned());
    };
    let Value::Object(map) = parsed.params else {
        return malformed("`params` is not an object".to_owned());
    };
    Arrival::Command(Command {
        device: device.clone(),
        message_id: parsed.id,
        family,
        target: match family {
            Family::Invoke => below.to_owned(),
            Family::Write => map.keys().map(String::as_str).collect::<Vec<_>>().join(","),
        },
        params: params.to_owned(),
        timeout_ms: parsed.timeout,
        deadline_epoch_ms: parsed.deadline,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> DeviceId {
        DeviceId::new("pk", "dk")
    }

    fn read_on(below: &str, payload: &str) -> Arrival {
        read(&device(), &format!("/sys/pk/dk/thing/service/{below}"), payload.as_bytes())
    }

    #[test]
    fn an_invoke() {
        let arrival = read_on(
            "reboot",
            r#"{"id":"m1","version":"1.0","params":{"a":1.0},"method":"thing.service.reboot","timeout":5,"deadline":7}"#,
        );
        let Arrival::Command(command) = arrival else {
            panic!("{arrival:?}");
        };
        assert_eq!(command.family, Family::Invoke);
        assert_eq!(command.target, "reboot");
        assert_eq!(command.params, r#"{"a":1.0}"#);
        assert_eq!((command.timeout_ms, command.deadline_epoch_ms), (Some(5), Some(7)));
        assert_eq!(command.reply_topic(), "/sys/pk/dk/thing/service/reboot_reply");
        assert_eq!(command.param("a"), Some(1.0.into()));
        assert_eq!(command.param("b"), None);
    }

    #[test]
    fn a_write() {
        let arrival = read_on(
            "measurepoint/set",
            r#"{"id":"m1","params":{"p":123456789012345678901234567890},"method":"thing.service.measurepoint.set"}"#,
        );
        let Arrival::Command(command) = arrival else {
            panic!("{arrival:?}");
        };
        assert_eq!((command.family, &*command.target), (Family::Write, "p"));
        assert_eq!(command.params, r#"{"p":123456789012345678901234567890}"#);
        assert_eq!(command.reply_topic(), "/sys/pk/dk/thing/service/measurepoint/set_reply");
    }

    #[test]
    fn replies_are_not_commands_but_a_service_may_be_called_like_one() {
        assert_eq!(read_on("reboot_reply", r#"{"id":"m1","code":200}"#), Arrival::Reply);
        assert_eq!(read_on("reboot_reply", "not json"), Arrival::Reply);
        let odd = r#"{"id":"m1","params":{},"method":"thing.service.x_reply"}"#;
        assert!(matches!(read_on("x_reply", odd), Arrival::Command(_)));
    }

    #[test]
    fn what_is_not_a_command() {
        for payload in [
            "",
            "{",
            "[]",
            r#"["m1","thing.service.x",{}]"#,
            r#"{"params":{},"method":"thing.service.x"}"#,
            r#"{"id":7,"params":{},"method":"thing.service.x"}"#,
            r#"{"id":"m","id":"n","params":{},"method":"thing.service.x"}"#,
            r#"{"id":"m","params":{},"method":"thing.service.y"}"#,
            r#"{"id":"m","params":{}}"#,
            r#"{"id":"m","params":[],"method":"thing.service.x"}"#,
            r#"{"id":"m","method":"thing.service.x"}"#,
            r#"{"id":"m","params":{},"method":"thing.service.x","timeout":"5"}"#,
        ] {
            let arrival = read_on("x", payload);
            assert!(matches!(arrival, Arrival::Malformed { .. }), "{payload}: {arrival:?}");
        }
        let arrival = read(&device(), "/sys/pk/dk/thing/service/x", b"\xff");
        assert!(matches!(arrival, Arrival::Malformed { .. }));
    }
}

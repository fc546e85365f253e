//! Composes the answers to a command, as its behaviour says.

use serde_json::{Value, json};

use crate::behaviour::{Behaviour, Garbage, Output};
use crate::command::Command;
use crate::device_id::DeviceId;

/// The code of a success.
const SUCCESS: i64 = 200;
/// The code of the second, contradicting answer of [`Behaviour::ConflictingTwice`]: the lowest of the user codes.
const CONFLICT: i64 = 2000;

/// An answer that a device is going to publish.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct PlannedAnswer {
    /// How long after execution it is published, in milliseconds.
    pub after_ms: u64,
    pub topic: String,
    pub payload: String,
    /// The code in the payload, if there is one.
    pub code: Option<i64>,
    /// The JSON text of `data` in the payload, if there is one.
    pub data: Option<String>,
    /// Whether it is sent again if the connection is lost before the broker acknowledged it. Not for an answer that a
    /// broker may forbid: some close the connection because of it, and would do so after each repetition.
    pub retransmit: bool,
}

/// The answers to `command` under `behaviour`, in the order in which they are published.
pub(crate) fn plan(command: &Command, behaviour: &Behaviour, neighbour: &DeviceId) -> Vec<PlannedAnswer> {
    let success = || {
        let data = output(command, &Output::Echo);
        proper(command, SUCCESS, data, None)
    };
    match behaviour {
        Behaviour::Succeed { output: chosen } => {
            vec![proper(command, SUCCESS, output(command, chosen), None)]
        }
        Behaviour::Fail { code, message } => vec![proper(command, *code, None, Some(message))],
        Behaviour::Late { delay_ms } => vec![PlannedAnswer { after_ms: *delay_ms, ..success() }],
        Behaviour::Twice => vec![success(), success()],
        Behaviour::ConflictingTwice => {
            let failure = proper(command, CONFLICT, None, Some("on second thoughts, it failed"));
            vec![success(), failure]
        }
        Behaviour::Never => Vec::new(),
        Behaviour::Garbage(kind) => {
            vec![PlannedAnswer { payload: garbage(command, *kind), code: None, data: None, ..success() }]
        }
        Behaviour::ForNeighbour => {
            vec![PlannedAnswer { topic: command.reply_topic_of(neighbour), retransmit: false, ..success() }]
        }
        Behaviour::WrongId => {
            let stranger = Command { message_id: format!("{}-unknown", command.message_id), ..command.clone() };
            vec![proper(&stranger, SUCCESS, output(command, &Output::Echo), None)]
        }
    }
}

/// The answer to a command that has expired.
pub(crate) fn stale(command: &Command, code: i64) -> Vec<PlannedAnswer> {
    let message = "the command's time had run out when it arrived; it was not executed";
    vec![proper(command, code, None, Some(message))]
}

fn proper(command: &Command, code: i64, data: Option<String>, message: Option<&str>) -> PlannedAnswer {
    let mut payload = format!("{{\"id\":{},\"code\":{code}", Value::from(&*command.message_id));
    if let Some(data) = &data {
        // Inserted as text: an echo keeps every digit of a number.
        payload.push_str(&format!(",\"data\":{data}"));
    }
    if let Some(message) = message {
        payload.push_str(&format!(",\"message\":{}", Value::from(message)));
    }
    payload.push('}');
    PlannedAnswer { after_ms: 0, topic: command.reply_topic(), payload, code: Some(code), data, retransmit: true }
}

fn output(command: &Command, output: &Output) -> Option<String> {
    match output {
        Output::None => None,
        Output::Echo => Some(command.params.clone()),
        Output::Json(value) => Some(value.to_string()),
    }
}

fn garbage(command: &Command, kind: Garbage) -> String {
    match kind {
        Garbage::BrokenContent => {
            json!({"id": command.message_id, "code": "two hundred", "data": [null, "?"], "message": {}}).to_string()
        }
        Garbage::NotJson => format!("<reply id={}>OK</reply", command.message_id),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Arrival, read};

    fn command() -> Command {
        let payload = r#"{"id":"m\"1","params":{"a":1.0},"method":"thing.service.x"}"#;
        match read(&DeviceId::new("pk", "dk"), "/sys/pk/dk/thing/service/x", payload.as_bytes()) {
            Arrival::Command(command) => command,
            other => panic!("{other:?}"),
        }
    }

    fn planned(behaviour: &Behaviour) -> Vec<PlannedAnswer> {
        plan(&command(), behaviour, &DeviceId::new("pk", "next"))
    }

    #[test]
    fn proper_answers_are_json_and_keep_digits() {
        let answers = planned(&Behaviour::succeed());
        assert_eq!(answers.len(), 1);
        assert_eq!(answers[0].payload, r#"{"id":"m\"1","code":200,"data":{"a":1.0}}"#);
        let fail = Behaviour::Fail { code: 2001, message: "no \"power\"".to_owned() };
        assert_eq!(planned(&fail)[0].payload, r#"{"id":"m\"1","code":2001,"message":"no \"power\""}"#);
        let none = Behaviour::Succeed { output: Output::None };
        assert_eq!(planned(&none)[0].payload, r#"{"id":"m\"1","code":200}"#);
    }

    #[test]
    fn the_faults() {
        let late = planned(&Behaviour::Late { delay_ms: 7 });
        assert_eq!((late.len(), late[0].after_ms), (1, 7));
        let twice = planned(&Behaviour::Twice);
        assert_eq!(twice.len(), 2);
        assert_eq!(twice[0], twice[1]);
        let codes: Vec<_> = planned(&Behaviour::ConflictingTwice).iter().map(|a| a.code).collect();
        assert_eq!(codes, [Some(200), Some(2000)]);
        assert_eq!(planned(&Behaviour::Never), []);
        let other = planned(&Behaviour::ForNeighbour);
        assert_eq!(other[0].topic, "/sys/pk/next/thing/service/x_reply");
        assert!(other[0].payload.contains(r#""m\"1""#));
        assert!(!planned(&Behaviour::WrongId)[0].payload.contains(r#""m\"1""#));
        let broken = &planned(&Behaviour::Garbage(Garbage::BrokenContent))[0];
        let value: Value = serde_json::from_str(&broken.payload).unwrap();
        assert_eq!(value["id"], "m\"1");
        assert!(value["code"].is_string());
        let not_json = &planned(&Behaviour::Garbage(Garbage::NotJson))[0];
        assert!(serde_json::from_str::<Value>(&not_json.payload).is_err());
    }
}

//! `vectors/devices`: topics, command payloads, answers.

use serde_json::{Value, json};
use setpoint::{
    device::{AnswerTopic, CommandPayload, command_topic, read_answer},
    json::Payload,
};

use super::corpus;

pub(crate) fn run(case: &Value) -> Result<(), String> {
    let found = match case["kind"].as_str().expect("a case has a kind") {
        "commandTopic" => json!(command_topic(
            corpus::family(case),
            text(case, "productKey"),
            text(case, "deviceKey"),
            text(case, "target"),
        )),
        "answerTopic" => json!(AnswerTopic::parse(text(case, "topic")).map(|topic| json!({
            "productKey": topic.product_key, "deviceKey": topic.device_key, "serviceId": topic.service_id,
        }))),
        "command" => json!(command(case)),
        "answer" => answer(case),
        kind => return Err(format!("there is no kind {kind}")),
    };
    corpus::compare(&case["expect"], &found)
}

fn command(case: &Value) -> String {
    let input = case.get("input").map(|input| Payload::parse(input.as_str().unwrap()).unwrap());
    let command = CommandPayload {
        family: corpus::family(case),
        message_id: text(case, "messageId"),
        target: text(case, "target"),
        input,
        timeout_ms: case["timeoutMs"].as_u64().unwrap(),
        deadline_epoch_ms: case["deadlineEpochMs"].as_i64().unwrap(),
    };
    let mut payload = Vec::new();
    command.write(&mut payload);
    String::from_utf8(payload).unwrap()
}

fn answer(case: &Value) -> Value {
    let payload = corpus::bytes(case);
    match read_answer(&payload, &corpus::limits(case)) {
        Err(reason) => json!({"unreadable": reason}),
        Ok(answer) => match answer.content {
            Err(reason) => json!({"id": answer.id.decode(), "bad": reason}),
            Ok(content) => json!({
                "id": answer.id.decode(),
                "code": content.code,
                "data": content.data.map(Payload::as_str),
                "message": content.message.map(|message| message.decode()),
            }),
        },
    }
}

fn text<'a>(case: &'a Value, member: &str) -> &'a str {
    case[member].as_str().unwrap_or_else(|| panic!("a case of this kind has {member}"))
}

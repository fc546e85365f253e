//! Single messages, for devices, services and tools written in JavaScript. Results are JSON text.

use napi::bindgen_prelude::Buffer;
use napi_derive::napi;
use serde_json::json;
use setpoint::{
    Limits,
    device::{self, AnswerTopic, CommandPayload},
    json::{self as strict, Payload},
    reply::{self, BadReply, Reply, Response},
};

use crate::{
    error::{self, Result},
    settings::{family, limits},
};

/// Throws unless a text is strict JSON. `depth` is the engine's default if left out.
#[napi(catch_unwind)]
pub(crate) fn check_json(text: &[u8], depth: Option<u32>) -> Result<()> {
    let depth = depth.map_or(Limits::DEFAULT.depth.get(), |depth| depth as usize);
    strict::check(text, depth).map_err(|error| error::syntax(&error))
}

/// The replies of a response.
#[napi(catch_unwind)]
pub(crate) fn read_response(body: &[u8], family_name: String, limits_text: Option<String>) -> Result<String> {
    match reply::read_response(body, family(&family_name)?, &limits(limits_text.as_deref())?) {
        Ok(Response::Replies(replies)) => Ok(texts(&replies)),
        Ok(Response::Error(error)) => Err(error::request(&error)),
        Err(error) => Err(error::message(&error)),
    }
}

/// The replies of a channel message.
#[napi(catch_unwind)]
pub(crate) fn read_message(body: &[u8], limits_text: Option<String>) -> Result<String> {
    let replies = reply::read_message(body, &limits(limits_text.as_deref())?);
    replies.map(|replies| texts(&replies)).map_err(|error| error::message(&error))
}

/// A response or a channel message of these replies, given as JSON text separated by commas.
#[napi(catch_unwind)]
pub(crate) fn write_replies(is_response: bool, replies: &[u8]) -> Buffer {
    let mut out = Vec::new();
    if is_response {
        reply::open_response(&mut out);
    } else {
        reply::open_message(&mut out);
    }
    out.extend_from_slice(replies);
    reply::close(&mut out);
    out.into()
}

/// The topic that carries a command to its device.
#[napi(catch_unwind)]
pub(crate) fn command_topic(
    family_name: String,
    product_key: String,
    device_key: String,
    target: String,
) -> Result<String> {
    Ok(device::command_topic(family(&family_name)?, &product_key, &device_key, &target))
}

/// The payload that carries a command to its device; `input` is the JSON text of an object. The integers are given as text, because a
/// JavaScript number does not hold every one of them.
#[napi(catch_unwind)]
pub(crate) fn command_payload(
    family_name: String,
    message_id: String,
    target: String,
    input: Option<String>,
    timeout_ms: String,
    deadline_epoch_ms: String,
) -> Result<String> {
    let input = input.as_deref().map(Payload::parse).transpose().map_err(|error| error::syntax(&error))?;
    let payload = CommandPayload {
        family: family(&family_name)?,
        message_id: &message_id,
        target: &target,
        input,
        timeout_ms: timeout_ms.parse().map_err(|error| error::argument("timeoutMs", error))?,
        deadline_epoch_ms: deadline_epoch_ms.parse().map_err(|error| error::argument("deadlineEpochMs", error))?,
    };
    let mut out = Vec::new();
    payload.write(&mut out);
    Ok(text(out))
}

/// Where a device's answer came from; null if the topic is not that of an answer.
#[napi(catch_unwind)]
pub(crate) fn answer_topic(topic: String) -> Option<String> {
    let AnswerTopic { product_key, device_key, service_id } = AnswerTopic::parse(&topic)?;
    Some(json!({ "productKey": product_key, "deviceKey": device_key, "serviceId": service_id }).to_string())
}

/// A device's answer. The code is text, because a JavaScript number does not hold every one.
#[napi(catch_unwind)]
pub(crate) fn read_answer(payload: &[u8], limits_text: Option<String>) -> Result<String> {
    let limits = limits(limits_text.as_deref())?;
    let answer = device::read_answer(payload, &limits).map_err(|reason| error::answer(&reason))?;
    let id = answer.id.decode();
    Ok(match answer.content {
        Ok(content) => json!({
            "id": id, "code": content.code.to_string(), "data": content.data.map(Payload::as_str),
            "message": content.message.map(|message| message.decode()), "bad": null,
        }),
        Err(reason) => json!({ "id": id, "code": null, "data": null, "message": null, "bad": reason }),
    }
    .to_string())
}

fn texts(replies: &[std::result::Result<Reply<'_>, BadReply>]) -> String {
    let rows = replies.iter().map(|reply| match reply {
        Ok(reply) => {
            let mut out = Vec::new();
            reply::write_reply(&mut out, reply);
            json!({ "family": reply.family, "text": text(out) })
        }
        Err(bad) => json!({ "index": bad.index, "offset": bad.offset, "reason": bad.reason }),
    });
    serde_json::Value::Array(rows.collect()).to_string()
}

/// The engine writes nothing but UTF-8.
fn text(written: Vec<u8>) -> String {
    String::from_utf8(written).unwrap_or_default()
}

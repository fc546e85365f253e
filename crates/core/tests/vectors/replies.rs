//! `vectors/replies`: responses and channel messages, read and written back.

use serde_json::{Value, json};
use setpoint::reply::{
    BadReply, Reply, Response, close, open_message, open_response, read_message, read_response, write_error,
    write_reply,
};

use super::corpus;

pub(crate) fn run(case: &Value) -> Result<(), String> {
    let body = corpus::bytes(case);
    let limits = corpus::limits(case);
    let is_response = case["kind"] == "response";
    let read = if is_response {
        read_response(&body, corpus::family(case), &limits)
    } else {
        read_message(&body, &limits).map(Response::Replies)
    };
    let mut written = Vec::new();
    let found = match &read {
        Ok(Response::Replies(replies)) => {
            if is_response {
                open_response(&mut written)
            } else {
                open_message(&mut written)
            }
            let replies: Vec<Value> = replies.iter().map(|reply| add(&mut written, reply)).collect();
            close(&mut written);
            json!({"replies": replies})
        }
        Ok(Response::Error(error)) => {
            write_error(&mut written, error);
            json!({"error": {"status": error.status, "msg": error.msg, "submsg": error.submsg}})
        }
        Err(error) => json!({"unusable": {"offset": error.offset, "reason": error.reason}}),
    };
    corpus::compare(&case["expect"], &found)?;
    let Some(expected) = case.get("written") else { return Ok(()) };
    let (expected, written) = match expected.get("minified") {
        // A payload keeps the sample's white space, so that is left out on both sides.
        Some(name) => {
            let stray = expected.get("without").map_or("\0", |text| text.as_str().unwrap());
            let sample = corpus::sample(name.as_str().unwrap());
            (minified(&sample).replace(stray, ""), minified(&written))
        }
        None => (corpus::string(expected), String::from_utf8(written).unwrap()),
    };
    corpus::compare(&expected.into(), &written.into())
}

/// Writes a reply, and returns it as a value with its family.
fn add(written: &mut Vec<u8>, reply: &Result<Reply<'_>, BadReply>) -> Value {
    let reply = match reply {
        Ok(reply) => reply,
        Err(bad) => return json!({"bad": bad.reason, "index": bad.index, "offset": bad.offset}),
    };
    if !written.ends_with(b"[") {
        written.push(b',');
    }
    let start = written.len();
    write_reply(written, reply);
    // A payload may hold a number that `Value` cannot; then the written text alone is compared.
    let mut value: Value = serde_json::from_slice(&written[start..]).unwrap_or_else(|_| json!({}));
    value["family"] = reply.family.name().into();
    value
}

/// A text without the white space between its tokens.
fn minified(text: &[u8]) -> String {
    let mut in_string = false;
    let mut after_backslash = false;
    let mut keep = |char: char| {
        if char == '"' && !after_backslash {
            in_string = !in_string;
        }
        after_backslash = in_string && char == '\\' && !after_backslash;
        in_string || !char.is_ascii_whitespace()
    };
    str::from_utf8(text).unwrap().chars().filter(|&char| keep(char)).collect()
}

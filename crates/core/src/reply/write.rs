//! Writing replies, responses and channel messages.

use super::Reply;
use crate::{
    Family, RequestError,
    json::{Text, write},
};

/// `,"name":` as one literal. Field names need no escapes.
macro_rules! name {
    ($name:literal) => {
        concat!(",\"", $name, "\":")
    };
}

/// Writes one reply, with its fields in the order of the samples (protocol §4).
pub fn write_reply(out: &mut Vec<u8>, reply: &Reply<'_>) {
    let is_invoke = reply.family == Family::Invoke;

    text(out, r#"{"requestId":"#, reply.request_id);
    if is_invoke {
        match reply.target {
            Some(target) => {
                piece(out, r#","messageId":null,"requestMethod":"thing.service."#);
                target.write_content(out);
                out.push(b'"');
            }
            None => piece(out, r#","messageId":null,"requestMethod":null"#),
        }
        text(out, r#","callType":"ASYNC","controlChannelId":"#, reply.channel_id);
    } else {
        text(out, name!("orgId"), reply.org_id);
        text(out, r#","callType":"ASYNC","setMeasurepointChannelId":"#, reply.channel_id);
    }
    text(out, name!("productKey"), reply.product_key);
    text(out, name!("deviceKey"), reply.device_key);
    text(out, name!("assetId"), reply.asset_id);
    if is_invoke {
        text(out, name!("serviceName"), reply.service_name);
        text(out, name!("serviceId"), reply.target);
    } else {
        text(out, name!("measurepointId"), reply.target);
    }
    text(out, name!("callbackUrl"), reply.callback_url);
    piece(out, name!("inputData"));
    out.extend_from_slice(reply.input.map_or("null", |input| input.as_str()).as_bytes());
    if is_invoke {
        piece(out, name!("outputData"));
        out.extend_from_slice(reply.output.as_str().as_bytes());
    }
    integer(out, name!("status"), Some(reply.code.0));
    text(out, name!("msg"), reply.msg);
    text(out, name!("submsg"), reply.submsg);
    integer(out, name!("timeout"), reply.timeout);
    integer(out, name!("gmtServiceRequest"), reply.gmt_service_request);
    integer(out, name!("gmtServiceReply"), reply.gmt_service_reply);
    if is_invoke {
        integer(out, name!("gmtDeviceReply"), reply.gmt_device_reply);
    }
    out.push(b'}');
}

/// Opens the response to a batch, up to and including the `[` of its `data`. Replies are separated by commas.
pub fn open_response(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"status":0,"msg":"Success","submsg":null,"data":["#);
}

/// Opens a channel message, up to and including the `[` of its `data`. Replies are separated by commas.
pub fn open_message(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"data":["#);
}

/// Closes a response or a channel message.
pub fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

/// Writes the response to a request that is refused as a whole (protocol §3).
///
/// ```
/// use setpoint::{RequestError, reply::write_error};
///
/// let mut response = Vec::new();
/// write_error(&mut response, &RequestError::unknown_org());
/// assert_eq!(response, br#"{"status":400,"msg":"Invalid Argument orgId","submsg":"orgId does not exist"}"#);
/// ```
pub fn write_error(out: &mut Vec<u8>, error: &RequestError) {
    integer(out, r#"{"status":"#, Some(i64::from(error.status)));
    text(out, name!("msg"), Some(Text::plain(&error.msg)));
    text(out, name!("submsg"), Some(Text::plain(&error.submsg)));
    out.push(b'}');
}

#[inline(always)]
fn piece(out: &mut Vec<u8>, piece: &'static str) {
    out.extend_from_slice(piece.as_bytes());
}

#[inline(always)]
fn text(out: &mut Vec<u8>, name: &'static str, text: Option<Text<'_>>) {
    piece(out, name);
    match text {
        Some(text) => text.write(out),
        None => piece(out, "null"),
    }
}

#[inline(always)]
fn integer(out: &mut Vec<u8>, name: &'static str, value: Option<i64>) {
    piece(out, name);
    match value {
        Some(value) => write::integer(out, value),
        None => piece(out, "null"),
    }
}

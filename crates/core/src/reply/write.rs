//! Writing replies, responses and channel messages.

use super::Reply;
use crate::{
    Family, RequestError,
    json::{Text, write},
};

/// Writes one reply item, its fields in the order of the samples (protocol §4).
pub fn write_reply(out: &mut Vec<u8>, reply: &Reply<'_>) {
    let table = reply.family.table();
    let is_invoke = reply.family == Family::Invoke;

    out.extend_from_slice(br#"{"requestId":"#);
    text(out, reply.request_id);
    if is_invoke {
        out.extend_from_slice(br#","messageId":null,"requestMethod":"#);
        match reply.target {
            Some(target) => {
                out.extend_from_slice(br#""thing.service."#);
                target.write_content(out);
                out.push(b'"');
            }
            None => out.extend_from_slice(b"null"),
        }
    } else {
        name(out, "orgId");
        text(out, reply.org_id);
    }
    out.extend_from_slice(br#","callType":"ASYNC""#);
    name(out, table.channel_field);
    text(out, reply.channel_id);
    name(out, "productKey");
    text(out, reply.product_key);
    name(out, "deviceKey");
    text(out, reply.device_key);
    name(out, "assetId");
    text(out, reply.asset_id);
    if is_invoke {
        name(out, "serviceName");
        text(out, reply.service_name);
    }
    name(out, table.target_field);
    text(out, reply.target);
    name(out, "callbackUrl");
    text(out, reply.callback_url);
    name(out, "inputData");
    out.extend_from_slice(reply.input.map_or("null", |input| input.as_str()).as_bytes());
    if is_invoke {
        name(out, "outputData");
        out.extend_from_slice(reply.output.as_str().as_bytes());
    }
    name(out, "status");
    write::integer(out, reply.code.0);
    name(out, "msg");
    text(out, reply.msg);
    name(out, "submsg");
    text(out, reply.submsg);
    name(out, "timeout");
    integer(out, reply.timeout);
    name(out, "gmtServiceRequest");
    integer(out, reply.gmt_service_request);
    name(out, "gmtServiceReply");
    integer(out, reply.gmt_service_reply);
    if is_invoke {
        name(out, "gmtDeviceReply");
        integer(out, reply.gmt_device_reply);
    }
    out.push(b'}');
}

/// Opens the response of a batch, up to and including the `[` of its `data`.
pub fn open_response(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"status":0,"msg":"Success","submsg":null,"data":["#);
}

/// Opens a channel message, up to and including the `[` of its `data`.
pub fn open_message(out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"data":["#);
}

/// Closes a response or a channel message.
pub fn close(out: &mut Vec<u8>) {
    out.extend_from_slice(b"]}");
}

/// Writes the answer to a request that is refused as a whole (protocol §3).
pub fn write_error(out: &mut Vec<u8>, error: &RequestError) {
    out.extend_from_slice(br#"{"status":"#);
    write::unsigned(out, u64::from(error.status));
    name(out, "msg");
    write::string(out, &error.msg);
    name(out, "submsg");
    write::string(out, &error.submsg);
    out.push(b'}');
}

/// `,"name":`. Field names need no escapes.
fn name(out: &mut Vec<u8>, name: &str) {
    out.extend_from_slice(b",\"");
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

fn text(out: &mut Vec<u8>, text: Option<Text<'_>>) {
    match text {
        Some(text) => text.write(out),
        None => out.extend_from_slice(b"null"),
    }
}

fn integer(out: &mut Vec<u8>, value: Option<i64>) {
    match value {
        Some(value) => write::integer(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

//! Reading responses and channel messages.

use super::{BadReply, MessageError, Reply, Response};
use crate::{
    Code, Family, Limits, RequestError,
    json::{Failed, KnownMembers, Name, Payload, Reader, Text, Token, Value},
};

/// What a message may hold at its top level besides `data`; a channel message has nothing else.
const TOP: [&str; 3] = ["status", "msg", "submsg"];
/// Every name that a reply of either family may have; three of them mean nothing here.
static NAMES: [Name; 23] = Name::all([
    "requestId",
    "messageId",
    "requestMethod",
    "orgId",
    "callType",
    "controlChannelId",
    "setMeasurepointChannelId",
    "productKey",
    "deviceKey",
    "assetId",
    "serviceName",
    "serviceId",
    "measurepointId",
    "callbackUrl",
    "inputData",
    "outputData",
    "status",
    "msg",
    "submsg",
    "timeout",
    "gmtServiceRequest",
    "gmtServiceReply",
    "gmtDeviceReply",
]);

type Read<T> = Result<T, Failed<MessageError>>;
type Replies<'a> = Vec<Result<Reply<'a>, BadReply>>;

/// Reads the response to a batch of `family`. Fields that the protocol does not name are ignored.
///
/// # Errors
/// The body is neither a response nor a whole-request error.
pub fn read_response<'a>(body: &'a [u8], family: Family, limits: &Limits) -> Result<Response<'a>, MessageError> {
    let envelope = Envelope::read(body, Some(family), limits)?;
    let [status, msg, submsg] = envelope.top;
    let Some(status) = status.integer() else {
        return Err(MessageError::new(0, format!("status must be an integer, not {}", status.kind())));
    };
    if status != 0 {
        // A status of HTTP's size is kept; any other tells no more than that something failed on the other side.
        let status = u16::try_from(status).unwrap_or(500);
        return Ok(Response::Error(RequestError::new(status, owned(msg), owned(submsg))));
    }
    match envelope.replies {
        Some(replies) => Ok(Response::Replies(replies)),
        None => Err(MessageError::new(0, "status is 0, but there is no data")),
    }
}

/// Reads a channel message: each reply's family follows from its own field names.
///
/// # Errors
/// The message is not `{"data":[…]}`.
pub fn read_message<'a>(body: &'a [u8], limits: &Limits) -> Result<Vec<Result<Reply<'a>, BadReply>>, MessageError> {
    let envelope = Envelope::read(body, None, limits)?;
    envelope.replies.ok_or_else(|| MessageError::new(0, "there is no data"))
}

/// A message's top level.
struct Envelope<'a> {
    top: [Value<'a>; TOP.len()],
    replies: Option<Replies<'a>>,
}

impl<'a> Envelope<'a> {
    fn read(body: &'a [u8], family: Option<Family>, limits: &Limits) -> Result<Self, MessageError> {
        if body.len() > limits.reply_bytes {
            let (len, most) = (body.len(), limits.reply_bytes);
            return Err(MessageError::new(most, format!("the message is {len} bytes long; at most {most} are taken")));
        }
        let mut reader = Reader::new(body, limits.depth)?;
        Self::read_text(&mut reader, family, limits).map_err(|failed| failed.why(&mut reader))
    }

    fn read_text(reader: &mut Reader<'a>, family: Option<Family>, limits: &Limits) -> Read<Self> {
        let start = reader.offset();
        if reader.peek() != Some(b'{') {
            let kind = reader.value()?.value(reader.text()).kind();
            let error = MessageError::new(start, format!("the message must be an object, not {kind}"));
            return Err(Failed::Refused(error));
        }
        let mut envelope = Self { top: [Value::Absent; TOP.len()], replies: None };
        let mut object = reader.open_object()?;
        while let Some(key) = reader.next_key(&mut object)? {
            // Known names go through the object's own list of keys, too, which finds a second one of each.
            reader.unique(&object, key)?;
            if key.text == *"data" {
                envelope.replies = read_replies(reader, family, limits)?;
            } else {
                let value = reader.value()?.value(reader.text());
                let known = TOP.iter().position(|name| key.text == **name);
                if let Some(slot) = known.and_then(|at| envelope.top.get_mut(at)) {
                    *slot = value;
                }
            }
        }
        reader.end()?;
        Ok(envelope)
    }
}

/// Reads `data`; `None` for null, which an error may carry.
fn read_replies<'a>(reader: &mut Reader<'a>, family: Option<Family>, limits: &Limits) -> Read<Option<Replies<'a>>> {
    let start = {
        reader.peek();
        reader.offset()
    };
    if reader.peek() != Some(b'[') {
        return match reader.value()?.value(reader.text()) {
            Value::Null => Ok(None),
            other => {
                let reason = format!("data must be an array, not {}", other.kind());
                Err(Failed::Refused(MessageError::new(start, reason)))
            }
        };
    }
    let mut replies = Vec::new();
    let mut members = KnownMembers::new(&NAMES);
    reader.open_array()?;
    while reader.next_element(replies.is_empty())? {
        let (index, first, offset) = (replies.len(), reader.peek(), reader.offset());
        if index >= limits.items {
            let error = MessageError::new(offset, format!("data holds more than {} replies", limits.items));
            return Err(Failed::Refused(error));
        }
        let reply = match first {
            Some(b'{') => judge(members.read(reader)?, reader.text(), family, limits),
            _ => Err(format!("must be an object, not {}", reader.value()?.value(reader.text()).kind())),
        };
        replies.push(reply.map_err(|reason| BadReply { index, offset, reason }));
    }
    Ok(Some(replies))
}

/// A reply from its members, or why it cannot be used. Absent is null; `status` must be there.
fn judge<'a>(
    members: [Token; NAMES.len()],
    message: &'a str,
    family: Option<Family>,
    limits: &Limits,
) -> Result<Reply<'a>, String> {
    let [
        request_id,
        _message_id,
        _request_method,
        org_id,
        _call_type,
        control_channel_id,
        set_channel_id,
        product_key,
        device_key,
        asset_id,
        service_name,
        service_id,
        measurepoint_id,
        callback_url,
        input,
        output,
        status,
        msg,
        submsg,
        timeout,
        gmt_service_request,
        gmt_service_reply,
        gmt_device_reply,
    ] = members;
    let is_there = |tokens: [Token; 2]| tokens.iter().any(|token| !token.is_absent());
    let is_invoke = is_there([control_channel_id, service_id]);
    let is_write = is_there([set_channel_id, measurepoint_id]);
    let family = match (family, is_invoke, is_write) {
        (Some(family), ..) => family,
        (None, true, false) => Family::Invoke,
        (None, false, true) => Family::Write,
        (None, true, true) => return Err("has fields of both families".to_owned()),
        (None, false, false) => return Err("has no field that tells its family".to_owned()),
    };
    let text = |token: Token, field| text(token, message, field);
    let integer = |token: Token, field| integer(token.value(message), field);
    let payload = |token: Token, field| payload(token.value(message), field, limits);
    let mut reply = Reply::empty(family);
    match family {
        Family::Invoke => {
            reply.channel_id = text(control_channel_id, "controlChannelId")?;
            reply.target = text(service_id, "serviceId")?;
            reply.service_name = text(service_name, "serviceName")?;
            reply.output = payload(output, "outputData")?.unwrap_or(Payload::EMPTY);
            reply.gmt_device_reply = integer(gmt_device_reply, "gmtDeviceReply")?;
        }
        Family::Write => {
            reply.org_id = text(org_id, "orgId")?;
            reply.channel_id = text(set_channel_id, "setMeasurepointChannelId")?;
            reply.target = text(measurepoint_id, "measurepointId")?;
        }
    }
    reply.request_id = text(request_id, "requestId")?;
    reply.product_key = text(product_key, "productKey")?;
    reply.device_key = text(device_key, "deviceKey")?;
    reply.asset_id = text(asset_id, "assetId")?;
    reply.callback_url = text(callback_url, "callbackUrl")?;
    reply.input = payload(input, "inputData")?;
    reply.code = integer(status, "status")?.map(Code).ok_or("status is missing")?;
    reply.msg = text(msg, "msg")?;
    reply.submsg = text(submsg, "submsg")?;
    reply.timeout = integer(timeout, "timeout")?;
    reply.gmt_service_request = integer(gmt_service_request, "gmtServiceRequest")?;
    reply.gmt_service_reply = integer(gmt_service_reply, "gmtServiceReply")?;
    Ok(reply)
}

#[inline]
fn text<'a>(token: Token, message: &'a str, field: &str) -> Result<Option<Text<'a>>, String> {
    if let Some(content) = token.printable(message) {
        return Ok(Some(Text::verbatim(content, true)));
    }
    match token.value(message) {
        Value::Absent | Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(text)),
        other => Err(format!("{field} must be a string, not {}", other.kind())),
    }
}

#[inline]
fn integer(value: Value<'_>, field: &str) -> Result<Option<i64>, String> {
    match value.integer() {
        None if !value.is_nothing() => Err(format!("{field} must be an integer of 64 bits")),
        integer => Ok(integer),
    }
}

fn payload<'a>(value: Value<'a>, field: &str, limits: &Limits) -> Result<Option<Payload<'a>>, String> {
    match value {
        Value::Absent | Value::Null => Ok(None),
        Value::Object(object) => {
            let payload = object.payload();
            let (len, most) = (payload.as_str().len(), limits.payload_bytes);
            if len > most {
                return Err(format!("{field} is {len} bytes long; at most {most} are taken"));
            }
            Ok(Some(payload))
        }
        other => Err(format!("{field} must be an object, not {}", other.kind())),
    }
}

/// The text of a whole-request error; what is no text becomes empty.
fn owned(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.decode().into_owned(),
        _ => String::new(),
    }
}

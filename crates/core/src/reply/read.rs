//! Reading responses and channel messages.

use super::{
    BadReply, MessageError, Reply, Response,
    spans::{ReplySpans, Span},
};
use crate::{
    Code, Family, Limits, RequestError,
    json::{ALL, Failed, KnownMembers, Reader, Token, Value, utf8},
};

/// What a message may hold at its top level besides `data`; a channel message has nothing else.
const TOP: [&str; 3] = ["status", "msg", "submsg"];
const NAMES: usize = 23;
/// Every name that a reply of either family may have; three of them mean nothing here.
static MEMBERS: KnownMembers<NAMES, ALL> = KnownMembers::new(&[
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
type Spans = Vec<Result<ReplySpans, BadReply>>;

/// Reads the response to a batch of `family`. Fields that the protocol does not name are ignored.
///
/// # Errors
/// The body is neither a response nor a whole-request error.
pub fn read_response<'a>(body: &'a [u8], family: Family, limits: &Limits) -> Result<Response<'a>, MessageError> {
    let mut spans = Vec::new();
    let envelope = Envelope::read(body, Some(family), limits, &mut spans)?;
    let [status, msg, submsg] = envelope.top;
    let Some(status) = status.integer() else {
        return Err(MessageError::new(0, format!("status must be an integer, not {}", status.kind())));
    };
    if status != 0 {
        // A status of HTTP's size is kept; any other tells no more than that something failed on the other side.
        let status = u16::try_from(status).unwrap_or(500);
        return Ok(Response::Error(RequestError::new(status, owned(msg), owned(submsg))));
    }
    if !envelope.has_data {
        return Err(MessageError::new(0, "status is 0, but there is no data"));
    }
    Ok(Response::Replies(replies(spans, envelope.message)))
}

/// Reads a channel message: each reply's family follows from its own field names.
///
/// # Errors
/// The message is not `{"data":[…]}`.
pub fn read_message<'a>(body: &'a [u8], limits: &Limits) -> Result<Vec<Result<Reply<'a>, BadReply>>, MessageError> {
    let mut spans = Vec::new();
    let message = read_spans(body, limits, &mut spans)?;
    Ok(replies(spans, message))
}

/// [`read_message`], into a list that is kept from message to message, which is emptied first. The message itself is
/// returned as text, which the replies are asked with.
///
/// # Errors
/// The message is not `{"data":[…]}`. The list is empty then: nothing of such a message is to be used.
pub fn read_spans<'a>(
    body: &'a [u8],
    limits: &Limits,
    replies: &mut Vec<Result<ReplySpans, BadReply>>,
) -> Result<&'a str, MessageError> {
    replies.clear();
    let read = Envelope::read(body, None, limits, replies).and_then(|envelope| {
        if envelope.has_data { Ok(envelope.message) } else { Err(MessageError::new(0, "there is no data")) }
    });
    if read.is_err() {
        replies.clear();
    }
    read
}

fn replies(spans: Spans, message: &str) -> Vec<Result<Reply<'_>, BadReply>> {
    spans.into_iter().map(|reply| reply.map(|reply| reply.reply(message))).collect()
}

/// A message's top level.
struct Envelope<'a> {
    message: &'a str,
    top: [Value<'a>; TOP.len()],
    has_data: bool,
}

impl<'a> Envelope<'a> {
    fn read(
        body: &'a [u8],
        family: Option<Family>,
        limits: &Limits,
        replies: &mut Spans,
    ) -> Result<Self, MessageError> {
        if body.len() > limits.reply_bytes {
            let (len, most) = (body.len(), limits.reply_bytes);
            return Err(MessageError::new(most, format!("the message is {len} bytes long; at most {most} are taken")));
        }
        let mut reader = Reader::new(utf8(body)?, limits.depth);
        Self::read_text(&mut reader, family, limits, replies).map_err(|failed| failed.why(&mut reader))
    }

    fn read_text(reader: &mut Reader<'a>, family: Option<Family>, limits: &Limits, replies: &mut Spans) -> Read<Self> {
        let first = reader.peek();
        let start = reader.offset();
        if first != Some(b'{') {
            let kind = reader.value()?.value(reader.text()).kind();
            let error = MessageError::new(start, format!("the message must be an object, not {kind}"));
            return Err(Failed::Refused(error));
        }
        let mut envelope = Self { message: reader.text(), top: [Value::Absent; TOP.len()], has_data: false };
        let mut object = reader.open_object()?;
        while let Some(key) = reader.next_key(&mut object)? {
            // Known names go through the object's own list of keys, too, which finds a second one of each.
            reader.unique(&object, key)?;
            if key.text == *"data" {
                envelope.has_data = read_replies(reader, family, limits, replies)?;
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

/// Reads `data`; `false` for null, which an error may carry.
fn read_replies(reader: &mut Reader<'_>, family: Option<Family>, limits: &Limits, replies: &mut Spans) -> Read<bool> {
    let start = {
        reader.peek();
        reader.offset()
    };
    if reader.peek() != Some(b'[') {
        return match reader.value()?.value(reader.text()) {
            Value::Null => Ok(false),
            other => {
                let reason = format!("data must be an array, not {}", other.kind());
                Err(Failed::Refused(MessageError::new(start, reason)))
            }
        };
    }
    let mut members = MEMBERS;
    reader.open_array()?;
    while reader.next_element(replies.is_empty())? {
        let (index, first, offset) = (replies.len(), reader.peek(), reader.offset());
        if index >= limits.items {
            let error = MessageError::new(offset, format!("data holds more than {} replies", limits.items));
            return Err(Failed::Refused(error));
        }
        // It is written where it stays: a copy of so many words would wait for each of them.
        replies.push(Ok(ReplySpans::NOTHING));
        let judged = match first {
            Some(b'{') => {
                members.read(reader)?;
                let Some(Ok(reply)) = replies.last_mut() else { continue };
                judge(&members, reader.text(), family, limits, reply)
            }
            _ => Err(format!("must be an object, not {}", reader.value()?.value(reader.text()).kind())),
        };
        if let (Err(reason), Some(last)) = (judged, replies.last_mut()) {
            *last = Err(BadReply { index, offset, reason });
        }
    }
    Ok(true)
}

/// A reply from its members, or why it cannot be used. Absent is null; `status` must be there.
fn judge(
    members: &KnownMembers<NAMES, ALL>,
    message: &str,
    family: Option<Family>,
    limits: &Limits,
    reply: &mut ReplySpans,
) -> Result<(), String> {
    let request_id = members.token(0);
    let org_id = members.token(3);
    let control_channel_id = members.token(5);
    let set_channel_id = members.token(6);
    let product_key = members.token(7);
    let device_key = members.token(8);
    let asset_id = members.token(9);
    let service_name = members.token(10);
    let service_id = members.token(11);
    let measurepoint_id = members.token(12);
    let callback_url = members.token(13);
    let input = members.token(14);
    let output = members.token(15);
    let status = members.token(16);
    let msg = members.token(17);
    let submsg = members.token(18);
    let timeout = members.token(19);
    let gmt_service_request = members.token(20);
    let gmt_service_reply = members.token(21);
    let gmt_device_reply = members.token(22);
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
    // What belongs to the other family is ignored, whatever it is.
    let of = |which: Family, token: Token| if which == family { token } else { Token::ABSENT };
    let (service_name, org_id) = (of(Family::Invoke, service_name), of(Family::Write, org_id));
    let (output, gmt_device_reply) = (of(Family::Invoke, output), of(Family::Invoke, gmt_device_reply));
    let (channel_id, target) = match family {
        Family::Invoke => (control_channel_id, service_id),
        Family::Write => (set_channel_id, measurepoint_id),
    };
    let kinds = |tokens: &[Token]| tokens.iter().fold(0, |kinds, token| kinds | token.kind_bit());
    // In the order of the spans' own lists.
    let texts = [
        request_id,
        org_id,
        channel_id,
        product_key,
        device_key,
        asset_id,
        service_name,
        target,
        callback_url,
        msg,
        submsg,
    ];
    let payloads = [input, output];
    let integers = [timeout, gmt_service_request, gmt_service_reply, gmt_device_reply];
    let text_kinds = kinds(&texts);
    let are_usable = text_kinds & !Token::TEXT_OR_NOTHING == 0
        && kinds(&payloads) & !Token::OBJECT_OR_NOTHING == 0
        && kinds(&integers) & !Token::INTEGER_OR_NOTHING == 0
        && payloads.iter().all(|payload| payload.len() <= limits.payload_bytes);
    match status.integer(message) {
        Some(code) if are_usable => {
            reply.family = family;
            reply.code = Code(code);
            for (span, token) in reply.texts.iter_mut().zip(texts) {
                *span = Span::of(token);
            }
            reply.input = Span::of(input);
            reply.output = Span::of(output);
            for (span, token) in reply.integers.iter_mut().zip(integers) {
                *span = Span::of(token);
            }
            reply.escaped = if text_kinds & Token::ESCAPED == 0 { 0 } else { escaped(&texts) };
            Ok(())
        }
        _ => {
            let [own, target_field] = match family {
                Family::Invoke => ["controlChannelId", "serviceId"],
                Family::Write => ["setMeasurepointChannelId", "measurepointId"],
            };
            let fields = [
                (org_id, "orgId", Wanted::Text),
                (channel_id, own, Wanted::Text),
                (target, target_field, Wanted::Text),
                (service_name, "serviceName", Wanted::Text),
                (output, "outputData", Wanted::Payload),
                (gmt_device_reply, "gmtDeviceReply", Wanted::Integer),
                (request_id, "requestId", Wanted::Text),
                (product_key, "productKey", Wanted::Text),
                (device_key, "deviceKey", Wanted::Text),
                (asset_id, "assetId", Wanted::Text),
                (callback_url, "callbackUrl", Wanted::Text),
                (input, "inputData", Wanted::Payload),
                (status, "status", Wanted::Status),
                (msg, "msg", Wanted::Text),
                (submsg, "submsg", Wanted::Text),
                (timeout, "timeout", Wanted::Integer),
                (gmt_service_request, "gmtServiceRequest", Wanted::Integer),
                (gmt_service_reply, "gmtServiceReply", Wanted::Integer),
            ];
            Err(fields
                .into_iter()
                .find_map(|(token, field, wanted)| wanted.reason(token.value(message), field, limits))
                .unwrap_or_default())
        }
    }
}

/// What a field has to be, if it is there.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Text,
    Integer,
    /// An integer that must be there.
    Status,
    Payload,
}

impl Wanted {
    /// Why the field cannot be used.
    #[cold]
    fn reason(self, value: Value<'_>, field: &str, limits: &Limits) -> Option<String> {
        let kind = value.kind();
        match (self, value) {
            (Self::Status, Value::Absent | Value::Null) => Some(format!("{field} is missing")),
            (_, Value::Absent | Value::Null)
            | (Self::Text, Value::Text(_))
            | (Self::Integer | Self::Status, Value::Integer(_)) => None,
            (Self::Text, _) => Some(format!("{field} must be a string, not {kind}")),
            (Self::Integer | Self::Status, _) => Some(format!("{field} must be an integer of 64 bits")),
            (Self::Payload, Value::Object(object)) => {
                let (len, most) = (object.payload().as_str().len(), limits.payload_bytes);
                (len > most).then(|| format!("{field} is {len} bytes long; at most {most} are taken"))
            }
            (Self::Payload, _) => Some(format!("{field} must be an object, not {kind}")),
        }
    }
}

/// A bit for each text with escapes.
#[cold]
fn escaped(texts: &[Token]) -> u16 {
    texts.iter().rev().fold(0, |bits, text| bits << 1 | u16::from(text.kind_bit() == Token::ESCAPED))
}

/// The text of a whole-request error; what is no text becomes empty.
fn owned(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.decode().into_owned(),
        _ => String::new(),
    }
}

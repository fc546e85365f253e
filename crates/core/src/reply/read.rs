//! Reading responses and channel messages.

use std::ops::Range;

use super::{
    BadReply, MessageError, Reply, Response,
    spans::{CODE, INTEGERS, PARTS, PAYLOADS, ReplySpans, Span, TEXTS},
};
use crate::{
    Code, Family, Limits, RequestError,
    json::{DeltaMembers, Failed, Reader, Token, Value, utf8},
};

/// Members of a response's top level besides `data`.
const TOP: [&str; 3] = ["status", "msg", "submsg"];
const NAMES: usize = 23;
/// The names of all members of a reply of either family. Three of them are known only so that they need not be looked up.
static MEMBERS: DeltaMembers<NAMES> = DeltaMembers::new(&[
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

const CONTROL_CHANNEL_ID: usize = 5;
const SET_CHANNEL_ID: usize = 6;
const SERVICE_ID: usize = 11;
const MEASUREPOINT_ID: usize = 12;
const STATUS: usize = 16;
/// The index of no name.
const NOWHERE: usize = NAMES;

/// The indices in [`MEMBERS`] of a reply's parts, in the order of its spans. Members of the other family are ignored, whatever
/// their values are.
const INVOKE: [usize; PARTS] =
    [0, NOWHERE, CONTROL_CHANNEL_ID, 7, 8, 9, 10, SERVICE_ID, 13, 17, 18, 14, 15, 19, 20, 21, 22];
const WRITE: [usize; PARTS] =
    [0, 3, SET_CHANNEL_ID, 7, 8, 9, NOWHERE, MEASUREPOINT_ID, 13, 17, 18, 14, NOWHERE, 19, 20, 21, NOWHERE];

/// The part that the name at each index is, in either family.
const PART_OF: [u8; NAMES] = {
    let mut parts = [NOWHERE as u8; NAMES];
    let mut part = 0;
    while part < PARTS {
        let (invoke, write) = (INVOKE[part], WRITE[part]);
        if invoke != NOWHERE {
            parts[invoke] = part as u8;
        }
        if write != NOWHERE {
            parts[write] = part as u8;
        }
        part += 1;
    }
    parts
};

fn names_of(family: Family) -> &'static [usize; PARTS] {
    match family {
        Family::Invoke => &INVOKE,
        Family::Write => &WRITE,
    }
}

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
        // A status that does not fit says only that something failed on the other side.
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

/// [`read_message`] into a list that the caller keeps from message to message, and which is cleared first. Returns the message as
/// text, for the getters of the replies. [`ReplySpans`] has an example.
///
/// # Errors
/// The message is not `{"data":[…]}`. The list is empty then: nothing of such a message may be used.
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

/// The top level of a message.
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
        if body.len() > limits.reply_bytes.get() {
            let (len, most) = (body.len(), limits.reply_bytes.get());
            return Err(MessageError::new(most, format!("the message is {len} bytes long; at most {most} are taken")));
        }
        let mut reader = Reader::new(utf8(body)?, limits.depth.get());
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
            // Known names are checked as well, so that a second `data` is a duplicate.
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

/// Reads `data`; `false` if it is null, as in some errors.
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
        if index >= limits.items.get() {
            let error = MessageError::new(offset, format!("data holds more than {} replies", limits.items.get()));
            return Err(Failed::Refused(error));
        }
        // Built in place, as a copy of the reply before: moving so many words would cost more than the rest.
        let has_before = matches!(replies.last(), Some(Ok(_)));
        if has_before {
            replies.extend_from_within(index - 1..);
        } else {
            replies.push(Ok(ReplySpans::NOTHING));
        }
        let validated = match first {
            Some(b'{') => {
                members.read(reader)?;
                let Some(Ok(reply)) = replies.last_mut() else { continue };
                if has_before && members.has_same_layout() && apply_delta(&members, reader.text(), limits, reply) {
                    continue;
                }
                validate(&members, reader.text(), family, limits, reply)
            }
            _ => Err(format!("must be an object, not {}", reader.value()?.value(reader.text()).kind())),
        };
        if let (Err(reason), Some(last)) = (validated, replies.last_mut()) {
            *last = Err(BadReply { index, offset, reason });
        }
    }
    Ok(true)
}

/// Makes a reply of its members, or says why it cannot be used. Absent is null; `status` is required.
fn validate(
    members: &DeltaMembers<NAMES>,
    message: &str,
    family: Option<Family>,
    limits: &Limits,
    reply: &mut ReplySpans,
) -> Result<(), String> {
    let token = |name| members.token(name);
    let is_there = |names: [usize; 2]| names.into_iter().any(|name| !token(name).is_absent());
    let is_invoke = is_there([CONTROL_CHANNEL_ID, SERVICE_ID]);
    let is_write = is_there([SET_CHANNEL_ID, MEASUREPOINT_ID]);
    let family = match (family, is_invoke, is_write) {
        (Some(family), ..) => family,
        (None, true, false) => Family::Invoke,
        (None, false, true) => Family::Write,
        (None, true, true) => return Err("has fields of both families".to_owned()),
        (None, false, false) => return Err("has no field that tells its family".to_owned()),
    };
    let names = names_of(family);
    let kinds = |parts: Range<usize>| names[parts].iter().fold(0, |kinds, name| kinds | token(*name).kind_bit());
    let text_kinds = kinds(TEXTS);
    let are_usable = text_kinds & !Token::TEXT_OR_NOTHING == 0
        && kinds(PAYLOADS) & !Token::OBJECT_OR_NOTHING == 0
        && kinds(INTEGERS) & !Token::INTEGER_OR_NOTHING == 0
        && payloads_fit(members, names, limits);
    let object = message.get(members.start()..).unwrap_or_default();
    match token(STATUS).integer(object) {
        Some(code) if are_usable => {
            reply.family = family;
            reply.code = Code(code);
            reply.changed = u32::MAX;
            set_spans(members, names, reply);
            reply.escaped = if text_kinds & Token::ESCAPED == 0 { 0 } else { escaped(members, names) };
            Ok(())
        }
        _ => {
            let wanted = |part: usize| match part {
                part if TEXTS.contains(&part) => Wanted::Text,
                part if PAYLOADS.contains(&part) => Wanted::Payload,
                _ => Wanted::Integer,
            };
            let parts = names.iter().enumerate().map(|(part, name)| (*name, wanted(part)));
            let mut fields = parts.chain([(STATUS, Wanted::Status)]);
            let reason =
                fields.find_map(|(name, wanted)| wanted.reason(token(name).value(object), MEMBERS.name(name), limits));
            Err(reason.unwrap_or_default())
        }
    }
}

/// Turns a copy of the reply before into this one, given that some members have other values of the same kind. `false` if the
/// result has to be [validated](validate).
#[inline(always)]
fn apply_delta(members: &DeltaMembers<NAMES>, message: &str, limits: &Limits, reply: &mut ReplySpans) -> bool {
    let names = names_of(reply.family);
    if !payloads_fit(members, names, limits) {
        return false;
    }
    let (changed, have_shifted) = members.changed();
    reply.changed = 0;
    for name in changed {
        if name == STATUS {
            let object = message.get(members.start()..).unwrap_or_default();
            let Some(code) = members.token(STATUS).integer(object) else { return false };
            reply.code = Code(code);
            reply.changed |= CODE;
        }
        let part = PART_OF.get(name).map_or(NOWHERE, |part| usize::from(*part));
        // A member of the other family is no part.
        if names.get(part) == Some(&name)
            && let Some(span) = reply.parts.get_mut(part)
        {
            *span = Span::of(members.token(name));
            reply.changed |= 1 << part;
        }
    }
    reply.start = members.start() as u32;
    if have_shifted {
        set_spans(members, names, reply);
    }
    true
}

#[inline(always)]
fn payloads_fit(members: &DeltaMembers<NAMES>, names: &[usize; PARTS], limits: &Limits) -> bool {
    names[PAYLOADS].iter().map(|name| members.token(*name)).all(|payload| {
        // The token of a null is 4 bytes long.
        payload.is_nothing() || payload.len() <= limits.payload_bytes.get()
    })
}

/// Sets the positions of all parts.
#[inline(always)]
fn set_spans(members: &DeltaMembers<NAMES>, names: &[usize; PARTS], reply: &mut ReplySpans) {
    reply.start = members.start() as u32;
    for (part, name) in reply.parts.iter_mut().zip(names) {
        *part = Span::of(members.token(*name));
    }
}

/// What a field has to be unless it is absent or null.
#[derive(Debug, Clone, Copy)]
enum Wanted {
    Text,
    Integer,
    /// A required integer.
    Status,
    Payload,
}

impl Wanted {
    /// Why the field cannot be used, if it cannot.
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
                let (len, most) = (object.payload().as_str().len(), limits.payload_bytes.get());
                (len > most).then(|| format!("{field} is {len} bytes long; at most {most} are taken"))
            }
            (Self::Payload, _) => Some(format!("{field} must be an object, not {kind}")),
        }
    }
}

/// A bit for each text with escapes.
#[cold]
fn escaped(members: &DeltaMembers<NAMES>, names: &[usize; PARTS]) -> u16 {
    let is_escaped = |name: usize| members.token(name).kind_bit() == Token::ESCAPED;
    names[TEXTS].iter().rev().fold(0, |bits, name| bits << 1 | u16::from(is_escaped(*name)))
}

/// The text of a whole-request error; empty if it is not a string.
fn owned(value: Value<'_>) -> String {
    match value {
        Value::Text(text) => text.decode().into_owned(),
        _ => String::new(),
    }
}

//! What a device answers (protocol §8).

use crate::{
    Limits,
    json::{Failed, KnownMembers, Object, Payload, Reader, SyntaxError, Text, Value, utf8},
    request::out_of_range,
};

/// A device's answer whose id could be read.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Answer<'a> {
    /// The message id that it answers.
    pub id: Text<'a>,
    /// What the device says, or why that cannot be used.
    pub content: Result<AnswerContent<'a>, String>,
}

/// The result of a command, as its device gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AnswerContent<'a> {
    /// 200 is success, any other code a failure.
    pub code: i64,
    /// The output; `None` for absent or null.
    pub data: Option<Payload<'a>>,
    /// The device's own message; `None` also if it is no string, which is no fault: the message decides nothing.
    pub message: Option<Text<'a>>,
}

/// Reads a device's answer.
///
/// The content is unusable if `code` is missing or no integer, or if `data` is anything but an object or null, holds
/// a number that no finite double holds, or is larger than [`Limits::payload_bytes`].
///
/// # Errors
/// It is not strict JSON, not an object, has no id, or is too large. It may nest two levels less than
/// [`Limits::depth`], because its `data` stands two levels deeper in the reply that carries it.
pub fn read_answer<'a>(payload: &'a [u8], limits: &Limits) -> Result<Answer<'a>, String> {
    let (len, most) = (payload.len(), limits.answer_bytes.get());
    if len > most {
        return Err(format!("the answer is {len} bytes long; at most {most} are taken"));
    }
    let text = utf8(payload).map_err(|error| error.to_string())?;
    let mut reader = Reader::new(text, limits.depth.get().saturating_sub(REPLY_LEVELS));
    let members = read_members(&mut reader).map_err(|failed| failed.why(&mut reader).0)?;
    let [id, code, data, message] = members;
    match id {
        Value::Text(id) if !id.is_empty() => Ok(Answer { id, content: content(code, data, message, limits) }),
        Value::Text(_) => Err("id is empty".to_owned()),
        Value::Absent => Err("id is missing".to_owned()),
        other => Err(format!("id must be a string, not {}", other.kind())),
    }
}

const NAMES: usize = 4;
static MEMBERS: KnownMembers<NAMES, 0> = KnownMembers::new(&["id", "code", "data", "message"]);
fn read_members<'a>(reader: &mut Reader<'a>) -> Result<[Value<'a>; NAMES], Failed<Unreadable>> {
    if reader.peek() != Some(b'{') {
        let kind = reader.value()?.value(reader.text()).kind();
        return Err(Failed::Refused(Unreadable(format!("the answer must be an object, not {kind}"))));
    }
    let mut members = MEMBERS;
    members.read(reader)?;
    reader.end()?;
    Ok(std::array::from_fn(|name| members.token(name).value(reader.text())))
}

/// Why the id of an answer could not be read.
struct Unreadable(String);

impl From<SyntaxError> for Unreadable {
    fn from(error: SyntaxError) -> Self {
        Self(error.to_string())
    }
}

/// Levels around a reply in a channel message: the object and its array.
const REPLY_LEVELS: usize = 2;

fn content<'a>(
    code: Value<'a>,
    data: Value<'a>,
    message: Value<'a>,
    limits: &Limits,
) -> Result<AnswerContent<'a>, String> {
    let Some(code) = code.integer() else {
        return Err(match code {
            Value::Absent => "code is missing".to_owned(),
            Value::Number => "code must be an integer of 64 bits".to_owned(),
            other => format!("code must be an integer, not {}", other.kind()),
        });
    };
    let data = match data {
        Value::Absent | Value::Null => None,
        Value::Object(object) => Some(output(object, limits)?),
        other => return Err(format!("data must be an object, not {}", other.kind())),
    };
    let message = if let Value::Text(message) = message { Some(message) } else { None };
    Ok(AnswerContent { code, data, message })
}

fn output<'a>(object: Object<'a>, limits: &Limits) -> Result<Payload<'a>, String> {
    let payload = object.payload();
    let (len, most) = (payload.as_str().len(), limits.payload_bytes.get());
    if len > most {
        return Err(format!("data is {len} bytes long; at most {most} are taken"));
    }
    match object.number_out_of_range() {
        Some(number) => Err(format!("data {}", out_of_range(number))),
        None => Ok(payload),
    }
}

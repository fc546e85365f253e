//! The rules of `inputData`.

use super::name::form;
use crate::{
    Code, Family, Fault, Limits,
    json::{Members, Object, Payload, Value},
};

const FIELD: &str = "inputData";
/// How much of a number a reason quotes, in characters.
const QUOTED_CHARS: usize = 32;

/// The payload to echo, and what is wrong with it.
pub(super) fn read<'a>(
    value: Value<'a>,
    family: Family,
    limits: &Limits,
    faults: &mut Vec<Fault>,
) -> Option<Payload<'a>> {
    let object = match value {
        Value::Absent | Value::Null => None,
        Value::Object(object) => Some(object),
        other => {
            faults.push(form(FIELD, ["must be an object, not ", other.kind()].concat()));
            return None;
        }
    };
    let bytes = object.map_or(0, |object| object.payload().as_str().len());
    if bytes > limits.payload_bytes.get() {
        let most = limits.payload_bytes.get();
        faults.push(form(FIELD, format!("is {bytes} bytes long; at most {most} are taken")));
        return None;
    }
    if family == Family::Write {
        faults.extend(value_fault(object));
    }
    if let Some(number) = object.and_then(Object::number_out_of_range) {
        faults.push(Fault::new(Code::DATA_TYPE, FIELD, out_of_range(number)));
    }
    object.map(Object::payload)
}

/// Why a payload's number is refused; the answers of devices are held to the same rule.
pub(crate) fn out_of_range(number: &str) -> String {
    let mut quoted: String = number.chars().take(QUOTED_CHARS).collect();
    if quoted.len() < number.len() {
        quoted.push('…');
    }
    format!("holds the number {quoted}, which no finite double can hold")
}

/// A write takes exactly one value, under any key (the samples use `arg`).
fn value_fault(object: Option<Object<'_>>) -> Option<Fault> {
    let no_value = |reason| Some(Fault::new(Code::VALUE_NULL, FIELD, reason));
    match object.map_or(Members::None, |object| object.members) {
        Members::One => None,
        Members::None => no_value("holds no value; a write takes exactly one"),
        Members::OneNull => no_value("holds null; a write takes a value"),
        Members::Several => Some(form(FIELD, "holds several values; a write takes exactly one")),
    }
}

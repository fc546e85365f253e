//! Payloads (`inputData`, `outputData`): JSON text, borrowed from the message.

use super::{Reader, SyntaxError, Value, utf8};
use crate::limits::MAX_DEPTH;

/// A JSON object, as the exact bytes that were sent.
///
/// Only the strict reader makes payloads, so each is one well-formed object without duplicate keys. Equality is that of
/// the bytes: `1` and `1.0` differ, and so do two orders of the same members.
///
/// ```
/// use setpoint::json::Payload;
///
/// let payload = Payload::parse(r#"{"arg": 12.5}"#)?;
/// assert_eq!((payload.as_str(), payload.sole_value()), (r#"{"arg": 12.5}"#, Some("12.5")));
/// assert!(Payload::parse(r#"{"arg": 1, "arg": 2}"#).is_err());
/// # Ok::<(), setpoint::json::SyntaxError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a>(&'a str);

impl<'a> Payload<'a> {
    /// The empty object.
    pub const EMPTY: Payload<'static> = Payload("{}");

    /// Reads a JSON object strictly.
    ///
    /// # Errors
    /// The text is not strict JSON, not an object, or nested deeper than [`MAX_DEPTH`].
    pub fn parse(text: &'a str) -> Result<Self, SyntaxError> {
        let mut reader = Reader::new(utf8(text.as_bytes())?, MAX_DEPTH);
        reader.peek();
        let offset = reader.offset();
        let read = reader.value().and_then(|value| reader.end().map(|()| value));
        match read.map_err(|stopped| reader.why(stopped))?.value(text) {
            Value::Object(object) => Ok(object.payload()),
            other => Err(SyntaxError::new(offset, format!("expected an object, found {}", other.kind()))),
        }
    }

    /// An object that the reader has accepted.
    pub(crate) fn checked(object: &'a str) -> Self {
        Self(object)
    }

    /// The object as it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The raw text of the value, if the object holds exactly one member, whatever its key.
    pub fn sole_value(self) -> Option<&'a str> {
        let mut reader = Reader::new(self.0, MAX_DEPTH);
        reader.peek();
        let mut object = reader.open_object().ok()?;
        reader.next_key(&mut object).ok()??;
        reader.peek();
        let start = reader.offset();
        reader.value().ok()?;
        let value = self.0.get(start..reader.offset());
        match reader.next_key(&mut object) {
            Ok(None) => value,
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sole_value_is_the_only_members_raw_text() {
        let sole = |text| Payload::parse(text).ok().and_then(Payload::sole_value);
        assert_eq!(sole(r#"{"arg":10}"#), Some("10"));
        assert_eq!(sole(" { \"arg\" : [ 1.0, {} ] } "), Some("[ 1.0, {} ]"));
        assert_eq!(sole(r#"{"":"a\u0062"}"#), Some(r#""a\u0062""#));
        assert_eq!(sole("{}"), None);
        assert_eq!(sole(r#"{"a":1,"b":2}"#), None);
    }

    #[test]
    fn only_an_object_is_a_payload() {
        for text in ["", "[]", "null", "{}x", "{\"a\":1,\"a\":1}"] {
            assert!(Payload::parse(text).is_err(), "{text}");
        }
        assert_eq!(Payload::parse("\n{} ").map(Payload::as_str), Ok("{}"));
        assert_eq!(Payload::parse(" [1]").unwrap_err().to_string(), "expected an object, found an array at byte 1");
    }
}

//! Strings and payloads as they stand in a message, borrowed.

use std::borrow::Cow;

/// A JSON string, borrowed from the message it stands in or from decoded text.
///
/// Two texts are equal when their decoded contents are.
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    content: &'a str,
    form: Form,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// Between the quotes of a valid message, without escapes: it is its own decoding.
    Verbatim,
    /// Between the quotes of a valid message, with escapes.
    Escaped,
    /// Decoded text, to be escaped when it is written.
    Plain,
}

impl<'a> Text<'a> {
    /// Decoded text, which is escaped when it is written.
    pub fn plain(content: &'a str) -> Self {
        Self { content, form: Form::Plain }
    }

    /// What the reader found between the quotes of a string it has checked.
    pub(crate) fn checked(content: &'a str, has_escapes: bool) -> Self {
        Self { content, form: if has_escapes { Form::Escaped } else { Form::Verbatim } }
    }

    /// The decoded string; allocates only if the message wrote it with escapes.
    pub fn decode(self) -> Cow<'a, str> {
        unimplemented!()
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.decode() == other.decode()
    }
}
impl Eq for Text<'_> {}

/// A JSON object as the exact bytes that were sent: payloads stay text end to end.
///
/// It comes from the strict reader only, so it is one well-formed object without duplicate keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Payload<'a>(&'a str);

impl<'a> Payload<'a> {
    /// The empty object.
    pub const EMPTY: Payload<'static> = Payload("{}");

    /// What the reader has checked.
    pub(crate) fn checked(object: &'a str) -> Self {
        Self(object)
    }

    /// The object as it was written.
    pub fn as_str(self) -> &'a str {
        self.0
    }

    /// The raw text of the value, if the object holds exactly one member, whatever its key.
    pub fn sole_value(self) -> Option<&'a str> {
        unimplemented!()
    }
}

//! JSON strings, borrowed from the message and decoded when asked for.

use std::{
    borrow::Cow,
    cmp::Ordering,
    hash::{Hash, Hasher},
};

use super::write;

/// A JSON string, borrowed from the message it stands in or from decoded text.
///
/// Equality, order and hash are those of the decoded content.
///
/// ```
/// use setpoint::json::Text;
///
/// let text = Text::plain("say \"hi\"");
/// let mut out = Vec::new();
/// text.write(&mut out);
/// assert_eq!((&*text.decode(), &*out), ("say \"hi\"", br#""say \"hi\"""#.as_slice()));
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Text<'a> {
    content: &'a str,
    form: Form,
}

/// One word wide: a text then is three whole words, and copying one does not stall on a byte that was just written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(usize)]
enum Form {
    /// Between the quotes of a valid message, printable ASCII without escapes.
    Printable,
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

    /// What stands between the quotes of a string that the reader has accepted.
    pub(crate) fn checked(content: &'a str, has_escapes: bool) -> Self {
        Self { content, form: if has_escapes { Form::Escaped } else { Form::Verbatim } }
    }

    /// What stands between the quotes of a string without escapes; `is_printable` if it is known to be printable ASCII.
    #[inline(always)]
    pub(crate) fn verbatim(content: &'a str, is_printable: bool) -> Self {
        Self { content, form: if is_printable { Form::Printable } else { Form::Verbatim } }
    }

    /// The string if it is known to be printable ASCII; it may be also if this is `None`.
    #[inline]
    pub(crate) fn as_printable(self) -> Option<&'a str> {
        (self.form == Form::Printable).then_some(self.content)
    }

    /// The decoded string; allocates only if the message wrote it with escapes.
    #[inline]
    pub fn decode(self) -> Cow<'a, str> {
        match self.as_decoded() {
            Some(content) => Cow::Borrowed(content),
            None => Cow::Owned(self.chars().collect()),
        }
    }

    /// The decoded string where it can be borrowed: `None` if the message wrote it with escapes.
    #[inline]
    pub fn as_decoded(self) -> Option<&'a str> {
        match self.form {
            Form::Printable | Form::Verbatim | Form::Plain => Some(self.content),
            Form::Escaped => None,
        }
    }

    /// The characters of the decoded string.
    pub fn chars(self) -> impl Iterator<Item = char> + 'a {
        Chars { rest: self.content.chars(), has_escapes: self.form == Form::Escaped }
    }

    /// Length of the decoded string in bytes of UTF-8.
    pub fn len(self) -> usize {
        match self.as_decoded() {
            Some(content) => content.len(),
            None => self.chars().map(char::len_utf8).sum(),
        }
    }

    /// Whether it is the empty string.
    pub fn is_empty(self) -> bool {
        // An escape stands for one character, so only an empty string decodes to nothing.
        self.content.is_empty()
    }

    /// Writes it as a JSON string, with its quotes: as the message wrote it, or escaped if it is plain.
    #[inline]
    pub fn write(self, out: &mut Vec<u8>) {
        out.push(b'"');
        self.write_content(out);
        out.push(b'"');
    }

    /// Writes it without the quotes, to be part of a longer string.
    #[inline]
    pub(crate) fn write_content(self, out: &mut Vec<u8>) {
        match self.form {
            Form::Printable | Form::Verbatim | Form::Escaped => out.extend_from_slice(self.content.as_bytes()),
            Form::Plain => write::escaped(out, self.content),
        }
    }
}

impl PartialEq for Text<'_> {
    fn eq(&self, other: &Self) -> bool {
        match (self.as_decoded(), other.as_decoded()) {
            (Some(a), Some(b)) => a == b,
            _ => self.chars().eq(other.chars()),
        }
    }
}
impl Eq for Text<'_> {}

impl PartialEq<str> for Text<'_> {
    fn eq(&self, other: &str) -> bool {
        *self == Text::plain(other)
    }
}

impl Ord for Text<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.as_decoded(), other.as_decoded()) {
            (Some(a), Some(b)) => a.cmp(b),
            // Agrees with the other arm: UTF-8 preserves the order of characters.
            _ => self.chars().cmp(other.chars()),
        }
    }
}
impl PartialOrd for Text<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Hash for Text<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.decode().hash(state);
    }
}

/// Decodes one character at a time.
struct Chars<'a> {
    rest: std::str::Chars<'a>,
    has_escapes: bool,
}

impl Chars<'_> {
    /// The UTF-16 code unit of the four hexadecimal digits after `\u`.
    fn unit(&mut self) -> Option<u32> {
        (0..4).try_fold(0, |unit, _| Some(unit << 4 | self.rest.next()?.to_digit(16)?))
    }

    /// The character of a `\u` escape, whose `\u` has been read; of a surrogate pair both escapes.
    fn unicode(&mut self) -> Option<char> {
        let first = self.unit()?;
        if !(0xD800..0xDC00).contains(&first) {
            return char::from_u32(first);
        }
        // `\u` of the low surrogate, which the reader has made sure of.
        self.rest.next()?;
        self.rest.next()?;
        let second = self.unit()?;
        char::from_u32(0x1_0000 + ((first & 0x3FF) << 10) + (second & 0x3FF))
    }
}

impl Iterator for Chars<'_> {
    type Item = char;

    fn next(&mut self) -> Option<char> {
        let char = self.rest.next()?;
        if char != '\\' || !self.has_escapes {
            return Some(char);
        }
        Some(match self.rest.next()? {
            'b' => '\u{8}',
            'f' => '\u{c}',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'u' => return self.unicode(),
            other => other,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decoding_follows_every_escape() {
        let text = Text::checked(r#"\"\\\/\b\f\n\r\té\u00e9\u20AC\ud83d\ude00"#, true);
        assert_eq!(text.decode(), "\"\\/\u{8}\u{c}\n\r\té\u{e9}€😀");
        assert_eq!(text.len(), text.decode().len());
        assert!(matches!(Text::checked("é", false).decode(), Cow::Borrowed("é")));
    }

    #[test]
    fn equality_order_and_hash_are_those_of_the_content() {
        let hash = |text: Text<'_>| {
            let mut state = std::hash::DefaultHasher::new();
            text.hash(&mut state);
            state.finish()
        };
        let forms = [Text::checked(r"a\u0062", true), Text::checked("ab", false), Text::plain("ab")];
        for a in forms {
            for b in forms {
                assert_eq!(a, b);
                assert_eq!(a.cmp(&b), Ordering::Equal);
                assert_eq!(hash(a), hash(b));
            }
        }
        assert_ne!(hash(Text::plain("ab")), hash(Text::plain("ac")));
        assert!(Text::checked(r"a\u0063", true) > Text::plain("ab"));
        assert!(Text::checked(r"a\u0063", true) != *"ab");
    }

    #[test]
    fn backslash_in_plain_text_is_no_escape() {
        let text = Text::plain(r"a\u0062");
        assert_eq!(text.decode(), r"a\u0062");
        let mut out = Vec::new();
        text.write(&mut out);
        assert_eq!(out, br#""a\\u0062""#);
    }

    #[test]
    fn writing_keeps_what_the_message_wrote() {
        let mut out = Vec::new();
        Text::checked(r"\u0041\/", true).write(&mut out);
        assert_eq!(out, br#""\u0041\/""#);
    }
}

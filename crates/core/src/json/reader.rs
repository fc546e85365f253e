//! One pass over a JSON text, on a stack of its own.
//!
//! What reads a token is inlined by force: returned through memory, a token costs more than it takes to find it
//! (measured: half the time of a batch).

use std::num::NonZeroU32;

use super::{
    Members, Object, SyntaxError, Text, Value,
    keys::{Key, Keys},
    number::{Form, Number},
    scan,
};
use crate::limits::MAX_DEPTH;

/// Reads a text from front to back. After an error it is of no further use.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    at: usize,
    /// Objects and arrays that are open now.
    depth: usize,
    max_depth: usize,
    keys: Keys<'a>,
    /// The containers that [`Reader::value`] is in, outermost first.
    open: Vec<Container>,
}

/// An object that is read member by member.
#[derive(Debug)]
pub(crate) struct OpenObject {
    /// Where its keys start in [`Keys`].
    keys: usize,
    is_first: bool,
}

#[derive(Debug, Clone, Copy)]
enum Container {
    Array,
    /// With the place where its keys start in [`Keys`].
    Object(usize),
}

/// What follows in a container.
enum Next {
    Value,
    End,
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`, which must be UTF-8 and not empty.
    pub(crate) fn new(text: &'a [u8], max_depth: usize) -> Result<Self, SyntaxError> {
        if text.starts_with(b"\xEF\xBB\xBF") {
            return Err(SyntaxError::new(0, "a byte order mark is not allowed"));
        }
        let text = str::from_utf8(text).map_err(|error| SyntaxError::new(error.valid_up_to(), "not valid UTF-8"))?;
        let mut reader = Self {
            text,
            at: 0,
            depth: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            keys: Keys::default(),
            open: Vec::new(),
        };
        match reader.peek() {
            Some(_) => Ok(reader),
            None => Err(SyntaxError::new(0, "the text is empty")),
        }
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Bytes not read yet.
    pub(crate) fn remaining(&self) -> usize {
        self.text.len().saturating_sub(self.at)
    }

    /// Skips white space and looks at the next byte; `None` at the end of the text.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.text.as_bytes().get(self.at).copied() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Makes sure that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), SyntaxError> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    /// Enters the object whose `{` [`Reader::peek`] has seen.
    pub(crate) fn open_object(&mut self) -> Result<OpenObject, SyntaxError> {
        self.enter()?;
        Ok(OpenObject { keys: self.keys.open(), is_first: true })
    }

    /// The key of the next member, or `None` when the object has ended.
    #[inline(always)]
    pub(crate) fn next_key(&mut self, object: &mut OpenObject) -> Result<Option<Key<'a>>, SyntaxError> {
        match self.after(object.is_first, b'}')? {
            Next::Value => {
                object.is_first = false;
                self.key().map(Some)
            }
            Next::End => {
                self.keys.close(object.keys)?;
                Ok(None)
            }
        }
    }

    /// Makes sure that no other member of the object that came through here has this key.
    pub(crate) fn unique(&mut self, object: &OpenObject, key: Key<'a>) -> Result<(), SyntaxError> {
        self.keys.push(object.keys, key)
    }

    /// Enters the array whose `[` [`Reader::peek`] has seen.
    pub(crate) fn open_array(&mut self) -> Result<(), SyntaxError> {
        self.enter()
    }

    /// Whether the array has another element; `false` when it has ended.
    pub(crate) fn next_element(&mut self, is_first: bool) -> Result<bool, SyntaxError> {
        Ok(matches!(self.after(is_first, b']')?, Next::Value))
    }

    /// Reads one value of any kind.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Value<'a>, SyntaxError> {
        match self.peek() {
            Some(b'{') => self.container().map(Value::Object),
            Some(b'[') => self.container().map(|_| Value::Array),
            first => self.scalar(first),
        }
    }

    #[inline(always)]
    fn scalar(&mut self, first: Option<u8>) -> Result<Value<'a>, SyntaxError> {
        match first {
            Some(b'"') => self.string().map(Value::Text),
            Some(b'-' | b'0'..=b'9') => self.number().map(Value::Number),
            Some(b'n') => self.literal("null", Value::Null),
            Some(b't') => self.literal("true", Value::Bool),
            Some(b'f') => self.literal("false", Value::Bool),
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads a whole object or array. What it returns describes an object; for an array only its extent counts.
    fn container(&mut self) -> Result<Object<'a>, SyntaxError> {
        let start = self.at;
        let mut members = Members::None;
        let mut odd_number = None;
        self.push()?;
        let mut is_first = true;
        while let Some(container) = self.open.last().copied() {
            let close = if let Container::Array = container { b']' } else { b'}' };
            let next = self.after(is_first, close)?;
            is_first = false;
            match (next, container) {
                (Next::End, Container::Array) => {
                    self.open.pop();
                    continue;
                }
                (Next::End, Container::Object(keys)) => {
                    self.keys.close(keys)?;
                    self.open.pop();
                    continue;
                }
                (Next::Value, Container::Array) => {}
                (Next::Value, Container::Object(keys)) => {
                    let key = self.key()?;
                    self.keys.push(keys, key)?;
                }
            }
            let is_member = self.open.len() == 1;
            let first = self.peek();
            let is_null = if let Some(b'{' | b'[') = first {
                self.push()?;
                is_first = true;
                false
            } else {
                let at = self.at;
                let value = self.scalar(first)?;
                if let Value::Number(number) = value
                    && odd_number.is_none()
                    && number.is_out_of_range()
                {
                    odd_number = u32::try_from(at - start).ok().and_then(NonZeroU32::new).or(Some(NonZeroU32::MAX));
                }
                value == Value::Null
            };
            if is_member {
                members = match members {
                    Members::None if is_null => Members::OneNull,
                    Members::None => Members::One,
                    _ => Members::Several,
                };
            }
        }
        Ok(Object { raw: self.slice(start), members, odd_number })
    }

    /// Enters the object or array that [`Reader::peek`] has seen, inside [`Reader::container`].
    fn push(&mut self) -> Result<(), SyntaxError> {
        let is_object = self.peek() == Some(b'{');
        self.enter()?;
        self.open.push(if is_object { Container::Object(self.keys.open()) } else { Container::Array });
        Ok(())
    }

    fn enter(&mut self) -> Result<(), SyntaxError> {
        if self.depth >= self.max_depth {
            return Err(SyntaxError::new(self.at, format!("nested deeper than {} levels", self.max_depth)));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Reads on to the next member or element, or past the bracket that closes the container.
    #[inline(always)]
    fn after(&mut self, is_first: bool, close: u8) -> Result<Next, SyntaxError> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(Next::End)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(Next::Value)
            }
            Some(_) if is_first => Ok(Next::Value),
            _ if close == b'}' => Err(self.expected(if is_first { "a key or '}'" } else { "',' or '}'" })),
            _ => Err(self.expected(if is_first { "a value or ']'" } else { "',' or ']'" })),
        }
    }

    #[inline(always)]
    fn key(&mut self) -> Result<Key<'a>, SyntaxError> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let offset = self.at;
        let text = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        Ok(Key { text, offset })
    }

    fn literal(&mut self, literal: &str, value: Value<'a>) -> Result<Value<'a>, SyntaxError> {
        match self.text.get(self.at..) {
            Some(rest) if rest.starts_with(literal) => {
                self.at += literal.len();
                Ok(value)
            }
            _ => Err(self.expected("a value")),
        }
    }

    /// Reads the string whose quote is next.
    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, SyntaxError> {
        let bytes = self.text.as_bytes();
        self.at += 1;
        let start = self.at;
        let mut has_escapes = false;
        loop {
            self.at = scan::plain_run(bytes, self.at);
            match bytes.get(self.at) {
                Some(b'"') => break,
                Some(b'\\') => {
                    has_escapes = true;
                    self.escape()?;
                }
                Some(byte) => {
                    let reason = format!("a control character (U+{byte:04X}) in a string must be escaped");
                    return Err(SyntaxError::new(self.at, reason));
                }
                None => return Err(SyntaxError::new(self.at, "the text ends inside a string")),
            }
        }
        let text = Text::checked(self.slice(start), has_escapes);
        self.at += 1;
        Ok(text)
    }

    /// Reads the escape whose backslash is next, and the other half of a surrogate pair.
    fn escape(&mut self) -> Result<(), SyntaxError> {
        let start = self.at;
        match self.text.as_bytes().get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Ok(());
            }
            Some(b'u') => {}
            Some(_) => return Err(SyntaxError::new(start, "unknown escape in a string")),
            None => return Err(SyntaxError::new(start + 1, "the text ends inside a string")),
        }
        match self.unit() {
            Some(0xD800..0xDC00) => {}
            Some(0xDC00..0xE000) => return Err(SyntaxError::new(start, "a lone surrogate is not a character")),
            Some(_) => return Ok(()),
            None => return Err(SyntaxError::new(start, "an escape \\u needs four hexadecimal digits")),
        }
        match self.unit() {
            Some(0xDC00..0xE000) => Ok(()),
            _ => Err(SyntaxError::new(start, "a lone surrogate is not a character")),
        }
    }

    /// Reads `\u` and four hexadecimal digits, or nothing.
    fn unit(&mut self) -> Option<u32> {
        let bytes = self.text.as_bytes().get(self.at..)?.first_chunk::<6>()?;
        let digits = bytes.strip_prefix(b"\\u")?;
        let unit = digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))?;
        self.at += 6;
        Some(unit)
    }

    /// Reads the number that starts here.
    #[inline(always)]
    fn number(&mut self) -> Result<Number<'a>, SyntaxError> {
        let start = self.at;
        let mut form = Form::Integer;
        self.skip(b"-");
        // A zero stands alone; a digit after it is then refused as whatever should follow the number.
        if !self.skip(b"0") {
            self.digits()?;
        }
        if self.skip(b".") {
            form = Form::Decimal;
            self.digits()?;
        }
        if self.skip(b"eE") {
            form = Form::Exponent;
            self.skip(b"+-");
            self.digits()?;
        }
        Ok(Number::new(self.slice(start), form))
    }

    /// Skips the next byte if it is one of these.
    #[inline(always)]
    fn skip(&mut self, any_of: &[u8]) -> bool {
        let is_there = self.text.as_bytes().get(self.at).is_some_and(|byte| any_of.contains(byte));
        self.at += usize::from(is_there);
        is_there
    }

    /// Skips at least one digit.
    fn digits(&mut self) -> Result<(), SyntaxError> {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        match rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len()) {
            0 => Err(self.expected("a digit")),
            count => {
                self.at += count;
                Ok(())
            }
        }
    }

    /// What was read since `start`. Both ends stand next to ASCII bytes, so both are character boundaries.
    #[inline(always)]
    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// The error that something else stands here.
    #[cold]
    fn expected(&self, what: &str) -> SyntaxError {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        SyntaxError::new(
            self.at,
            match found {
                Some(found) => format!("expected {what}, found {found:?}"),
                None => format!("expected {what}, but the text ends"),
            },
        )
    }
}

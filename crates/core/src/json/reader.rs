//! One pass over a JSON text, on a stack of its own.

use super::{
    Members, SyntaxError, Text, Value,
    keys::{Key, Keys},
    number::is_out_of_range,
    scan::{plain_run, printable_run},
    shape::{self, Shape},
    short::{self, Windows},
    token::{Kind, Token},
};
use crate::limits::MAX_DEPTH;

/// Reads a text from front to back. After an error it is of no further use.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    pub(super) at: usize,
    windows: Windows<'a>,
    /// Objects and arrays that are open now.
    depth: usize,
    max_depth: usize,
    keys: Keys<'a>,
    /// The containers around the innermost one that [`Reader::value`] is in, outermost first.
    open: Vec<Container>,
    /// Of the last object that was short and simple.
    shape: Shape,
    error: Option<SyntaxError>,
}

/// The reader has met something that is not strict JSON; [`Reader::why`] says what and where.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Why a message was not read to its end: the reader has stopped, or its caller does not take what it has read.
#[derive(Debug)]
pub(crate) enum Failed<E> {
    Stopped,
    Refused(E),
}

impl<E> From<Stopped> for Failed<E> {
    fn from(Stopped: Stopped) -> Self {
        Self::Stopped
    }
}

impl<E: From<SyntaxError>> Failed<E> {
    /// The error, for which a reader that has stopped is asked.
    pub(crate) fn why(self, reader: &mut Reader<'_>) -> E {
        match self {
            Self::Stopped => reader.why(Stopped).into(),
            Self::Refused(error) => error,
        }
    }
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

impl<'a> Reader<'a> {
    /// A reader at the start of `text`, which [`utf8`](super::utf8) has let pass or is part of such a text.
    // In place: it is a large thing to move.
    #[inline(always)]
    pub(crate) fn new(text: &'a str, max_depth: usize) -> Self {
        Self {
            text,
            at: 0,
            windows: Windows::new(text.as_bytes()),
            depth: 0,
            max_depth: max_depth.min(MAX_DEPTH),
            keys: Keys::default(),
            open: Vec::new(),
            shape: Shape::UNKNOWN,
            error: None,
        }
    }

    /// What is read; tokens stand in it.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The bytes from `at` on, to be looked at all at once.
    #[inline(always)]
    pub(super) fn window(&self, at: usize) -> Option<&[u8; short::WINDOW]> {
        self.windows.at(at)
    }

    /// Bytes read so far.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// Why it stopped.
    #[cold]
    pub(crate) fn why(&mut self, Stopped: Stopped) -> SyntaxError {
        // Whoever stops leaves a reason.
        self.error.take().unwrap_or_else(|| SyntaxError::new(self.at, "not valid JSON"))
    }

    /// Skips white space and looks at the next byte; `None` at the end of the text.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.next() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Makes sure that nothing but white space is left.
    pub(crate) fn end(&mut self) -> Result<(), Stopped> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    /// Enters the object whose `{` [`Reader::peek`] has seen.
    #[inline]
    pub(crate) fn open_object(&mut self) -> Result<OpenObject, Stopped> {
        self.enter()?;
        Ok(OpenObject { keys: self.keys.open(), is_first: true })
    }

    /// Whether the object has another member; `false` when it has ended. If it has one, the next thing is its key.
    #[inline(always)]
    pub(crate) fn next_member(&mut self, object: &mut OpenObject) -> Result<bool, Stopped> {
        let has_more = self.after(object.is_first, b'}')?;
        object.is_first = false;
        if has_more {
            self.peek();
        } else {
            self.close_keys(object.keys)?;
        }
        Ok(has_more)
    }

    /// The key of the next member, or `None` when the object has ended.
    pub(crate) fn next_key(&mut self, object: &mut OpenObject) -> Result<Option<Key<'a>>, Stopped> {
        if self.next_member(object)? { self.key().map(Some) } else { Ok(None) }
    }

    /// Reads the key that is next, and the colon after it.
    #[inline(always)]
    pub(super) fn key(&mut self) -> Result<Key<'a>, Stopped> {
        if self.peek() != Some(b'"') {
            return Err(self.expected("a key in double quotes"));
        }
        let offset = self.at;
        let token = self.string()?;
        if self.peek() != Some(b':') {
            return Err(self.expected("':'"));
        }
        self.at += 1;
        let text = if let Value::Text(text) = token.value(self.text) { text } else { Text::plain("") };
        Ok(Key { text, offset })
    }

    /// Makes sure that no other member of the object that came through here has this key.
    #[inline(always)]
    pub(crate) fn unique(&mut self, object: &OpenObject, key: Key<'a>) -> Result<(), Stopped> {
        self.unique_since(object.keys, key)
    }

    /// Enters the array whose `[` [`Reader::peek`] has seen.
    pub(crate) fn open_array(&mut self) -> Result<(), Stopped> {
        self.enter()
    }

    /// Whether the array has another element; `false` when it has ended.
    #[inline(always)]
    pub(crate) fn next_element(&mut self, is_first: bool) -> Result<bool, Stopped> {
        self.after(is_first, b']')
    }

    /// Reads one value of any kind.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Token, Stopped> {
        match self.peek() {
            Some(b'{') => match shape::object(&self.windows, self.at, &mut self.shape) {
                // What most payloads are.
                Some(object) if self.depth < self.max_depth => {
                    self.at = object.end();
                    Ok(object)
                }
                _ => self.container(),
            },
            Some(b'[') => self.container(),
            first => self.scalar(first),
        }
    }

    #[inline(always)]
    fn scalar(&mut self, first: Option<u8>) -> Result<Token, Stopped> {
        match first {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    /// Reads a whole object or array.
    fn container(&mut self) -> Result<Token, Stopped> {
        let start = self.at;
        let is_array = self.next() == Some(b'[');
        let mut members = Members::None;
        let mut odd_number = 0;
        let mut container = self.push()?;
        let mut is_first = true;
        loop {
            let close = if let Container::Array = container { b']' } else { b'}' };
            if !self.after(is_first, close)? {
                if let Container::Object(keys) = container {
                    self.close_keys(keys)?;
                }
                let Some(around) = self.open.pop() else { break };
                container = around;
                is_first = false;
                continue;
            }
            is_first = false;
            if let Container::Object(keys) = container {
                let key = self.key()?;
                self.unique_since(keys, key)?;
            }
            let is_member = self.open.is_empty();
            let first = self.peek();
            let mut is_null = false;
            if let Some(b'{' | b'[') = first {
                self.open.push(container);
                container = self.push()?;
                is_first = true;
            } else {
                let at = self.at;
                let value = self.scalar(first)?;
                is_null = value.is_null();
                if value.is_odd_number() && odd_number == 0 && is_out_of_range(self.slice(at)) {
                    odd_number = at;
                }
            }
            if is_member {
                members = members.and(is_null);
            }
        }
        Ok(if is_array {
            Token::placed(Kind::Array, start, self.at)
        } else {
            Token::object(members, start, self.at, odd_number)
        })
    }

    /// Enters the object or array that is next, inside [`Reader::container`].
    #[inline(always)]
    fn push(&mut self) -> Result<Container, Stopped> {
        let is_object = self.next() == Some(b'{');
        self.enter()?;
        Ok(if is_object { Container::Object(self.keys.open()) } else { Container::Array })
    }

    #[inline(always)]
    fn enter(&mut self) -> Result<(), Stopped> {
        if self.depth >= self.max_depth {
            return Err(self.stop(self.at, format!("nested deeper than {} levels", self.max_depth)));
        }
        self.depth += 1;
        self.at += 1;
        Ok(())
    }

    /// Reads on to the next member or element, or past the bracket that closes the container: then it says `false`.
    #[inline(always)]
    fn after(&mut self, is_first: bool, close: u8) -> Result<bool, Stopped> {
        match self.peek() {
            Some(byte) if byte == close => {
                self.at += 1;
                self.depth = self.depth.saturating_sub(1);
                Ok(false)
            }
            Some(b',') if !is_first => {
                self.at += 1;
                Ok(true)
            }
            Some(_) if is_first => Ok(true),
            _ if close == b'}' => Err(self.expected(if is_first { "a key or '}'" } else { "',' or '}'" })),
            _ => Err(self.expected(if is_first { "a value or ']'" } else { "',' or ']'" })),
        }
    }

    #[inline(always)]
    fn unique_since(&mut self, start: usize, key: Key<'a>) -> Result<(), Stopped> {
        if self.keys.push(start, key) { Ok(()) } else { Err(self.duplicate(&key)) }
    }

    #[inline(always)]
    fn close_keys(&mut self, start: usize) -> Result<(), Stopped> {
        match self.keys.close(start) {
            None => Ok(()),
            Some(key) => Err(self.duplicate(&key)),
        }
    }

    /// Stops because the key has occurred before in its object.
    #[cold]
    pub(crate) fn duplicate(&mut self, key: &Key<'_>) -> Stopped {
        self.stop(key.offset, format!("duplicate key {}", key.quoted()))
    }

    /// Stops because the key at `offset`, which has been read, has occurred before in its object.
    #[cold]
    pub(super) fn duplicate_at(&mut self, offset: usize) -> Stopped {
        self.at = offset;
        match self.key() {
            Ok(key) => self.duplicate(&key),
            Err(stopped) => stopped,
        }
    }

    fn literal(&mut self) -> Result<Token, Stopped> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let (kind, len) = match rest {
            rest if rest.starts_with("null") => (Kind::Null, 4),
            rest if rest.starts_with("true") => (Kind::Bool, 4),
            rest if rest.starts_with("false") => (Kind::Bool, 5),
            _ => return Err(self.expected("a value")),
        };
        let start = self.at;
        self.at += len;
        Ok(Token::placed(kind, start, self.at))
    }

    /// Reads the string whose quote is next.
    #[inline(always)]
    fn string(&mut self) -> Result<Token, Stopped> {
        let start = self.at + 1;
        let end = printable_run(self.text.as_bytes(), start);
        self.at = end;
        if self.next() != Some(b'"') {
            return self.odd_string(start);
        }
        self.at += 1;
        Ok(Token::placed(Kind::Printable, start, end))
    }

    /// Reads on in the string that started at `start` and is not of printable ASCII alone.
    fn odd_string(&mut self, start: usize) -> Result<Token, Stopped> {
        let mut kind = Kind::Verbatim;
        loop {
            self.at = plain_run(self.text.as_bytes(), self.at);
            match self.next() {
                Some(b'"') => break,
                Some(b'\\') => {
                    kind = Kind::Escaped;
                    self.escape()?;
                }
                Some(byte) => {
                    let reason = format!("a control character (U+{byte:04X}) in a string must be escaped");
                    return Err(self.stop(self.at, reason));
                }
                None => return Err(self.stop(self.at, "the text ends inside a string")),
            }
        }
        let end = self.at;
        self.at += 1;
        Ok(Token::placed(kind, start, end))
    }

    /// Reads the escape whose backslash is next, and the other half of a surrogate pair.
    fn escape(&mut self) -> Result<(), Stopped> {
        let start = self.at;
        match self.text.as_bytes().get(start + 1) {
            Some(b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't') => {
                self.at += 2;
                return Ok(());
            }
            Some(b'u') => {}
            Some(_) => return Err(self.stop(start, "unknown escape in a string")),
            None => return Err(self.stop(start + 1, "the text ends inside a string")),
        }
        match self.unit() {
            Some(0xD800..0xDC00) => {}
            Some(0xDC00..0xE000) => return Err(self.stop(start, "a lone surrogate is not a character")),
            Some(_) => return Ok(()),
            None => return Err(self.stop(start, "an escape \\u needs four hexadecimal digits")),
        }
        match self.unit() {
            Some(0xDC00..0xE000) => Ok(()),
            _ => Err(self.stop(start, "a lone surrogate is not a character")),
        }
    }

    /// Reads `\u` and four hexadecimal digits, or nothing.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..)?.first_chunk::<6>()?.strip_prefix(b"\\u")?;
        let unit = digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))?;
        self.at += 6;
        Some(unit)
    }

    /// Reads the number that starts here.
    fn number(&mut self) -> Result<Token, Stopped> {
        let start = self.at;
        self.at += usize::from(self.next() == Some(b'-'));
        // A zero stands alone; a digit after it is then refused as whatever should follow the number.
        if self.next() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if !matches!(self.next(), Some(b'.' | b'e' | b'E')) {
            let kind = if self.slice(start).parse::<i64>().is_ok() { Kind::Integer } else { Kind::Number };
            return Ok(Token::placed(kind, start, self.at));
        }
        if self.next() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.next() {
            self.at += 1;
            self.at += usize::from(matches!(self.next(), Some(b'+' | b'-')));
            self.digits()?;
        }
        Ok(Token::placed(Kind::Number, start, self.at))
    }

    /// Skips at least one digit.
    #[inline(always)]
    fn digits(&mut self) -> Result<(), Stopped> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.next() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }

    /// The next byte, white space or not.
    #[inline(always)]
    fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What was read since `start`. Both ends stand next to ASCII bytes, so both are character boundaries.
    fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Stops because something else stands here.
    #[cold]
    fn expected(&mut self, what: &str) -> Stopped {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let reason = match found {
            Some(found) => format!("expected {what}, found {found:?}"),
            None => format!("expected {what}, but the text ends"),
        };
        self.stop(self.at, reason)
    }

    #[cold]
    fn stop(&mut self, offset: usize, reason: impl Into<std::borrow::Cow<'static, str>>) -> Stopped {
        self.error = Some(SyntaxError::new(offset, reason));
        Stopped
    }
}

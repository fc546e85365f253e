//! The strict reader: one pass over a JSON text, without recursion.

use super::{
    Members, SyntaxError, Text, Value,
    fast_path::{self, Windows},
    keys::{Key, Keys},
    number::is_out_of_range,
    payload_keys::{self, PayloadKeys},
    token::{Kind, Token},
};
use crate::limits::MAX_DEPTH;

/// A pull parser: callers ask for the next member, element or value. After an error nothing more may be read.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    text: &'a str,
    /// Position of the next byte.
    pub(super) at: usize,
    windows: Windows<'a>,
    /// How many objects and arrays are open.
    depth: usize,
    max_depth: usize,
    keys: Keys<'a>,
    /// Stack of the containers around the innermost one in [`Reader::container`], outermost first.
    open: Vec<Container>,
    /// Cache of the keys of the last small object.
    payload_keys: PayloadKeys,
    error: Option<SyntaxError>,
}

/// The text is not strict JSON; [`Reader::why`] has the reason. Zero-sized, so that results stay small.
#[derive(Debug)]
pub(crate) struct Stopped;

/// Why a message was not read to its end: it is not strict JSON, or its reader refused the content.
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
    /// The error; `reader` has it if it stopped.
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
    /// Index of its first key in [`Keys`].
    keys: usize,
    is_first: bool,
}

#[derive(Debug, Clone, Copy)]
enum Container {
    Array,
    /// With the index of its first key in [`Keys`].
    Object(usize),
}

impl<'a> Reader<'a> {
    /// A reader at the start of `text`, which [`utf8`](super::utf8) has accepted or is part of such a text.
    // Inlined so that it is built in place: it is large.
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
            payload_keys: PayloadKeys::UNKNOWN,
            error: None,
        }
    }

    /// The whole text: what tokens refer to.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// The window of the text at `at`; see [`Windows::at`].
    #[inline(always)]
    pub(super) fn window(&self, at: usize) -> Option<&[u8; fast_path::WINDOW]> {
        self.windows.at(at)
    }

    /// How many bytes have been read.
    pub(crate) fn offset(&self) -> usize {
        self.at
    }

    /// The reason why it stopped.
    #[cold]
    pub(crate) fn why(&mut self, Stopped: Stopped) -> SyntaxError {
        // `stop` is the only source of `Stopped`, and stores a reason.
        self.error.take().unwrap_or_else(|| SyntaxError::new(self.at, "not valid JSON"))
    }

    /// Skips white space and returns the next byte, which stays unread; `None` at the end of the text.
    #[inline(always)]
    pub(crate) fn peek(&mut self) -> Option<u8> {
        loop {
            match self.next() {
                Some(b' ' | b'\n' | b'\r' | b'\t') => self.at += 1,
                byte => return byte,
            }
        }
    }

    /// Expects nothing but white space up to the end of the text.
    pub(crate) fn end(&mut self) -> Result<(), Stopped> {
        match self.peek() {
            None => Ok(()),
            Some(_) => Err(self.expected("the end of the text")),
        }
    }

    /// Enters the object whose `{` [`Reader::peek`] has returned.
    #[inline]
    pub(crate) fn open_object(&mut self) -> Result<OpenObject, Stopped> {
        self.enter()?;
        Ok(OpenObject { keys: self.keys.open(), is_first: true })
    }

    /// Goes on to the next member, whose key is next then; `false` if the object has ended, which is closed then.
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

    /// Reads the key of the next member; `None` if the object has ended.
    pub(crate) fn next_key(&mut self, object: &mut OpenObject) -> Result<Option<Key<'a>>, Stopped> {
        if self.next_member(object)? { self.key().map(Some) } else { Ok(None) }
    }

    /// Reads the key that is next, and its colon.
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

    /// Refuses the key if it was passed here before for the same object. Keys that are not passed here are not checked.
    #[inline(always)]
    pub(crate) fn unique(&mut self, object: &OpenObject, key: Key<'a>) -> Result<(), Stopped> {
        self.unique_since(object.keys, key)
    }

    /// Enters the array whose `[` [`Reader::peek`] has returned.
    pub(crate) fn open_array(&mut self) -> Result<(), Stopped> {
        self.enter()
    }

    /// Goes on to the next element; `false` if the array has ended, which is closed then.
    #[inline(always)]
    pub(crate) fn next_element(&mut self, is_first: bool) -> Result<bool, Stopped> {
        self.after(is_first, b']')
    }

    /// Reads one value of any kind.
    #[inline(always)]
    pub(crate) fn value(&mut self) -> Result<Token, Stopped> {
        match self.peek() {
            Some(b'{') => match payload_keys::small_object(&self.windows, self.at, &mut self.payload_keys) {
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

    /// Reads a whole object or array. Containers inside of it are kept on a heap stack, so depth costs no stack of the thread.
    fn container(&mut self) -> Result<Token, Stopped> {
        let start = self.at;
        let is_array = self.next() == Some(b'[');
        let mut members = Members::None;
        let mut out_of_range_at = 0;
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
                if value.may_be_out_of_range() && out_of_range_at == 0 && is_out_of_range(self.slice(at)) {
                    out_of_range_at = at;
                }
            }
            if is_member {
                members = members.and(is_null);
            }
        }
        Ok(if is_array {
            Token::placed(Kind::Array, start, self.at)
        } else {
            Token::object(members, start, self.at, out_of_range_at)
        })
    }

    /// Enters the object or array that is next, for [`Reader::container`].
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

    /// Reads the separator before the next member or element, or the closing bracket: then `false`.
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

    /// Stops: the key has occurred before in its object.
    #[cold]
    pub(crate) fn duplicate(&mut self, key: &Key<'_>) -> Stopped {
        self.stop(key.offset, format!("duplicate key {}", key.quoted()))
    }

    /// Stops: the key at `offset`, which has been read, has occurred before in its object.
    #[cold]
    pub(super) fn duplicate_at(&mut self, offset: usize) -> Stopped {
        self.at = offset;
        match self.key() {
            Ok(key) => self.duplicate(&key),
            Err(stopped) => stopped,
        }
    }

    /// The next byte, white space included.
    #[inline(always)]
    pub(super) fn next(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// What was read since `start`. Both ends are character boundaries, for they stand next to ASCII bytes.
    pub(super) fn slice(&self, start: usize) -> &'a str {
        self.text.get(start..self.at).unwrap_or_default()
    }

    /// Stops: something else is next.
    #[cold]
    pub(super) fn expected(&mut self, what: &str) -> Stopped {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next());
        let reason = match found {
            Some(found) => format!("expected {what}, found {found:?}"),
            None => format!("expected {what}, but the text ends"),
        };
        self.stop(self.at, reason)
    }

    #[cold]
    pub(super) fn stop(&mut self, offset: usize, reason: impl Into<std::borrow::Cow<'static, str>>) -> Stopped {
        self.error = Some(SyntaxError::new(offset, reason));
        Stopped
    }
}

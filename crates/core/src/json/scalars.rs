//! The reader's scalars: strings, numbers, booleans and null.

use super::{
    Reader, Stopped,
    scan::{plain_run, printable_run},
    token::{Kind, Token},
};

impl Reader<'_> {
    /// Reads the string, number, boolean or null that is next; `first` is its first byte.
    #[inline(always)]
    pub(super) fn scalar(&mut self, first: Option<u8>) -> Result<Token, Stopped> {
        match first {
            Some(b'"') => self.string(),
            Some(b'-' | b'0'..=b'9') => self.number(),
            _ => self.literal(),
        }
    }

    fn literal(&mut self) -> Result<Token, Stopped> {
        let rest = self.text().get(self.at..).unwrap_or_default();
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

    /// Reads the string whose opening quote is next.
    #[inline(always)]
    pub(super) fn string(&mut self) -> Result<Token, Stopped> {
        let start = self.at + 1;
        let end = printable_run(self.text().as_bytes(), start);
        self.at = end;
        if self.next() != Some(b'"') {
            return self.other_string(start);
        }
        self.at += 1;
        Ok(Token::placed(Kind::Printable, start, end))
    }

    /// Reads the rest of the string that started at `start` and holds more than printable ASCII.
    fn other_string(&mut self, start: usize) -> Result<Token, Stopped> {
        let mut kind = Kind::Verbatim;
        loop {
            self.at = plain_run(self.text().as_bytes(), self.at);
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

    /// Reads the escape whose backslash is next; of a surrogate pair both escapes.
    fn escape(&mut self) -> Result<(), Stopped> {
        let start = self.at;
        match self.text().as_bytes().get(start + 1) {
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

    /// Reads `\u` and four hexadecimal digits: a UTF-16 code unit. Reads nothing if something else is next.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text().as_bytes().get(self.at..)?.first_chunk::<6>()?.strip_prefix(b"\\u")?;
        let unit = digits.iter().try_fold(0, |unit, &digit| Some(unit << 4 | char::from(digit).to_digit(16)?))?;
        self.at += 6;
        Some(unit)
    }

    /// Reads the number that is next.
    fn number(&mut self) -> Result<Token, Stopped> {
        let start = self.at;
        self.at += usize::from(self.next() == Some(b'-'));
        // No digit may follow a leading zero: it is refused later, in place of the separator.
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

    /// Reads one or more digits.
    #[inline(always)]
    fn digits(&mut self) -> Result<(), Stopped> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.next() {
            self.at += 1;
        }
        if self.at == start { Err(self.expected("a digit")) } else { Ok(()) }
    }
}

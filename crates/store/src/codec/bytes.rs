//! Integers, texts and the dictionary of a write.

use std::{collections::HashMap, sync::Arc};

use super::Problem;

/// Longest text in the dictionary, in bytes. A reference costs one byte of input and a copy of the text: this bounds by how
/// much what is read can be larger than its input.
const MAX_SHARED: usize = 256;
/// A text follows, and enters the dictionary.
const NEW: u64 = 0;
/// A text follows, and does not.
const INLINE: u64 = 1;
/// What is added to the number of a text in the dictionary.
const FIRST: u64 = 2;

/// A write being written.
#[derive(Debug)]
pub(super) struct Output<'a> {
    bytes: Vec<u8>,
    dictionary: HashMap<&'a str, u64>,
}

impl<'a> Output<'a> {
    /// Behind `header` bytes of zeros.
    pub(super) fn new(header: usize) -> Self {
        Self { bytes: vec![0; header], dictionary: HashMap::new() }
    }

    pub(super) fn into_bytes(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes an entry: kind, length, and what `content` writes.
    pub(super) fn entry<E>(&mut self, kind: u8, content: impl FnOnce(&mut Self) -> Result<(), E>) -> Result<(), E> {
        self.u8(kind);
        let start = self.bytes.len();
        content(self)?;
        let mut length = [0; 10];
        let used = varint(&mut length, (self.bytes.len() - start) as u64);
        self.bytes.splice(start..start, length.into_iter().take(used));
        Ok(())
    }

    pub(super) fn u8(&mut self, value: u8) {
        self.bytes.push(value);
    }

    pub(super) fn fixed<const N: usize>(&mut self, value: [u8; N]) {
        self.bytes.extend_from_slice(&value);
    }

    pub(super) fn varint(&mut self, value: u64) {
        let mut encoded = [0; 10];
        let used = varint(&mut encoded, value);
        self.bytes.extend(encoded.into_iter().take(used));
    }

    pub(super) fn text(&mut self, text: &str) {
        self.varint(text.len() as u64);
        self.bytes.extend_from_slice(text.as_bytes());
    }

    /// A text that the write is likely to repeat.
    pub(super) fn shared(&mut self, text: &'a str) {
        if text.len() > MAX_SHARED {
            self.varint(INLINE);
            return self.text(text);
        }
        let next = self.dictionary.len() as u64;
        match self.dictionary.get(text) {
            Some(number) => self.varint(number + FIRST),
            None => {
                self.dictionary.insert(text, next);
                self.varint(NEW);
                self.text(text);
            }
        }
    }
}

fn varint(into: &mut [u8; 10], mut value: u64) -> usize {
    let mut used = 0;
    for byte in into {
        used += 1;
        *byte = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            break;
        }
        *byte |= 0x80;
    }
    used
}

/// What is wrong, and at which byte of the write.
pub(super) type Fault = (usize, Problem);

/// A write being read.
#[derive(Debug)]
pub(super) struct Input<'a> {
    bytes: &'a [u8],
    at: usize,
    /// End of the entry that is being read.
    end: usize,
    dictionary: Vec<Arc<str>>,
}

impl<'a> Input<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0, end: bytes.len(), dictionary: Vec::new() }
    }

    /// The byte that is read next.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// How many bytes are left of the entry, or of the write between entries.
    pub(super) fn left(&self) -> usize {
        self.end - self.at
    }

    /// Starts the next entry: its kind. Reading stops at its end.
    pub(super) fn begin_entry(&mut self) -> Result<u8, Fault> {
        let kind = self.u8()?;
        let at = self.at;
        let length = self.length().map_err(|(_, problem)| (at, problem))?;
        self.end = self.at + length;
        Ok(kind)
    }

    /// Ends an entry that was read whole.
    pub(super) fn end_entry(&mut self, kind: &'static str) -> Result<(), Fault> {
        if self.left() > 0 {
            return Err((self.at, Problem::Surplus { kind, bytes: self.left() }));
        }
        self.end = self.bytes.len();
        Ok(())
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        if length > self.left() {
            return Err((self.at, Problem::Truncated { needed: length, left: self.left() }));
        }
        let taken = self.bytes.get(self.at..self.at + length).unwrap_or_default();
        self.at += length;
        Ok(taken)
    }

    pub(super) fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let at = self.at;
        let taken = self.take(N)?;
        taken.try_into().map_err(|_| (at, Problem::Truncated { needed: N, left: taken.len() }))
    }

    pub(super) fn u8(&mut self) -> Result<u8, Fault> {
        self.fixed().map(|[byte]| byte)
    }

    /// Flags, of which only those in `known` may be set.
    pub(super) fn flags(&mut self, known: u8) -> Result<u8, Fault> {
        let at = self.at;
        let found = self.u8()?;
        if found & !known == 0 { Ok(found) } else { Err((at, Problem::Flags { found })) }
    }

    fn varint(&mut self) -> Result<u64, Fault> {
        let start = self.at;
        let mut value = 0_u64;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            let is_last = byte & 0x80 == 0;
            // The tenth byte holds one bit; a last byte of 0 is not the shortest form, except alone.
            if bits << shift >> shift != bits || (is_last && byte == 0 && shift > 0) {
                return Err((start, Problem::Varint));
            }
            value |= bits << shift;
            if is_last {
                return Ok(value);
            }
        }
        Err((start, Problem::Varint))
    }

    /// A length of something that follows: never more than what is left.
    fn length(&mut self) -> Result<usize, Fault> {
        let at = self.at;
        let length = self.varint()?;
        let left = self.left();
        usize::try_from(length)
            .ok()
            .filter(|length| *length <= left)
            .ok_or_else(|| (at, Problem::Truncated { needed: usize::try_from(length).unwrap_or(usize::MAX), left }))
    }

    pub(super) fn text(&mut self) -> Result<&'a str, Fault> {
        let length = self.length()?;
        let at = self.at;
        std::str::from_utf8(self.take(length)?).map_err(|error| (at + error.valid_up_to(), Problem::Text(error)))
    }

    /// A text that the write may repeat: all its places share one allocation.
    pub(super) fn shared(&mut self) -> Result<Arc<str>, Fault> {
        let at = self.at;
        match self.varint()? {
            NEW => {
                let text: Arc<str> = self.text()?.into();
                if text.len() > MAX_SHARED {
                    return Err((at, Problem::DictionaryText { bytes: text.len() }));
                }
                self.dictionary.push(Arc::clone(&text));
                Ok(text)
            }
            INLINE => self.text().map(Arc::from),
            reference => {
                let found = reference - FIRST;
                let known = self.dictionary.len();
                let text = usize::try_from(found).ok().and_then(|number| self.dictionary.get(number));
                text.map(Arc::clone).ok_or((at, Problem::Reference { found, known }))
            }
        }
    }
}

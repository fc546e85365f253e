//! The walker that made the first stored fingerprints, as the oracle of those that the reader makes.

use std::hash::Hasher;

use siphasher::sip128::{Hasher128, SipHasher13};

use crate::json::{Payload, Text};

/// A digest of JSON text that the strict reader has accepted.
pub(super) fn content(payload: Payload<'_>) -> u128 {
    Walk { rest: payload.as_str() }.value()
}

struct Digest(SipHasher13);

impl Digest {
    fn new() -> Self {
        Self(SipHasher13::new())
    }

    fn text(&mut self, text: Option<Text<'_>>) {
        match text {
            None => self.0.write_u8(0),
            Some(text) => {
                let decoded = text.decode();
                self.0.write_u8(1);
                self.number(decoded.len() as u128);
                self.0.write(decoded.as_bytes());
            }
        }
    }

    fn number(&mut self, number: u128) {
        self.0.write(&number.to_le_bytes());
    }

    fn finish(self) -> u128 {
        self.0.finish128().as_u128()
    }
}

/// Walks text that is known to be valid; on any other it ends early rather than fail.
/// Recursion is bounded: the reader has bounded the depth.
struct Walk<'a> {
    rest: &'a str,
}

impl<'a> Walk<'a> {
    fn value(&mut self) -> u128 {
        let mut hash = Digest::new();
        match self.peek() {
            Some('{') => {
                // A sum does not depend on the order of its terms.
                let mut members = 0u128;
                self.elements('}', |walk| {
                    let mut member = Digest::new();
                    member.text(Some(walk.string()));
                    walk.skip(':');
                    member.number(walk.value());
                    members = members.wrapping_add(member.finish());
                });
                hash.0.write_u8(b'{');
                hash.number(members);
            }
            Some('[') => {
                hash.0.write_u8(b'[');
                self.elements(']', |walk| hash.number(walk.value()));
            }
            Some('"') => {
                hash.0.write_u8(b'"');
                hash.text(Some(self.string()));
            }
            _ => {
                let end = self.rest.find([',', '}', ']', ' ', '\t', '\n', '\r']).unwrap_or(self.rest.len());
                let (literal, rest) = self.rest.split_at(end);
                self.rest = rest;
                hash.0.write_u8(b'0');
                hash.0.write(literal.as_bytes());
            }
        }
        hash.finish()
    }

    /// Calls `each` at every element up to `close`.
    fn elements(&mut self, close: char, mut each: impl FnMut(&mut Self)) {
        self.rest = self.rest.get(1..).unwrap_or("");
        loop {
            match self.peek() {
                None => return,
                Some(c) if c == close => {
                    self.skip(close);
                    return;
                }
                Some(',') => self.skip(','),
                Some(_) => {
                    let before = self.rest.len();
                    each(self);
                    if self.rest.len() == before {
                        return;
                    }
                }
            }
        }
    }

    fn string(&mut self) -> Text<'a> {
        let body = self.rest.strip_prefix('"').unwrap_or(self.rest);
        let mut escaped = false;
        let mut has_escapes = false;
        let end = body.bytes().position(|byte| {
            let closes = byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            has_escapes |= escaped;
            closes
        });
        let (content, rest) = body.split_at(end.unwrap_or(body.len()));
        self.rest = rest.get(1..).unwrap_or("");
        Text::checked(content, has_escapes)
    }

    fn peek(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start_matches([' ', '\t', '\n', '\r']);
        self.rest.chars().next()
    }

    fn skip(&mut self, expected: char) {
        if self.peek() == Some(expected) {
            self.rest = self.rest.get(1..).unwrap_or("");
        }
    }
}

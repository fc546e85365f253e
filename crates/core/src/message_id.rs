//! The gateway's own message ids: what a device echoes, and nobody can guess.

use core::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// 128 unguessable bits, written as 32 lower-case hexadecimal digits.
///
/// Drawn from a cipher stream seeded at start, so an id of an earlier run never comes back.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MessageId(u128);

impl MessageId {
    /// The id with these bits.
    pub const fn from_bits(bits: u128) -> Self {
        Self(bits)
    }

    /// The bits of the id.
    pub const fn to_bits(self) -> u128 {
        self.0
    }
}

impl fmt::Display for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl fmt::Debug for MessageId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The text is not 32 lower-case hexadecimal digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a message id is 32 lower-case hexadecimal digits")]
pub struct ParseMessageIdError;

impl FromStr for MessageId {
    type Err = ParseMessageIdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        // `from_str_radix` also takes a sign and capitals: one id has one spelling.
        let canonical = text.len() == 32 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'));
        if !canonical {
            return Err(ParseMessageIdError);
        }
        u128::from_str_radix(text, 16).map(Self).map_err(|_| ParseMessageIdError)
    }
}

impl Serialize for MessageId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for MessageId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_keeps_its_bits_and_is_shown_as_it_is_written() {
        let bits = 0x0123_4567_89ab_cdef_0123_4567_89ab_cdef;
        let id = MessageId::from_bits(bits);
        assert_eq!(id.to_bits(), bits);
        let written = "0123456789abcdef0123456789abcdef";
        assert_eq!((id.to_string(), format!("{id:?}")), (written.to_owned(), written.to_owned()));
    }

    #[test]
    fn one_id_has_one_spelling() {
        let id = MessageId::from_bits(0xab);
        let text = id.to_string();
        assert_eq!(text.parse(), Ok(id));
        for other in [text.to_uppercase(), format!("+{}", &text[1..]), text[1..].to_owned(), format!("{text}0")] {
            assert_eq!(other.parse::<MessageId>(), Err(ParseMessageIdError), "{other}");
        }
    }
}

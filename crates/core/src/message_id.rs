//! The gateway's own message ids: what a device echoes, and nobody can guess.

use core::fmt;
use std::{
    hash::{Hash, Hasher},
    str::FromStr,
};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A partition number of 16 bits and 112 unguessable bits, written as 32 lower-case hexadecimal digits: the first four
/// are the partition.
///
/// The unguessable bits are drawn from a cipher stream seeded at start, so an id of an earlier run never comes back.
///
/// ```
/// use setpoint::MessageId;
/// let id: MessageId = "00070123456789abcdef0123456789ab".parse()?;
/// assert_eq!(id.partition(), 7);
/// assert_eq!(id.in_partition(0).to_string(), "00000123456789abcdef0123456789ab");
/// # Ok::<(), setpoint::ParseMessageIdError>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
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

    /// The partition whose responder gave the id ([`ResponderConfig::partition`](crate::responder::ResponderConfig)).
    pub const fn partition(self) -> u16 {
        (self.0 >> PARTITION_SHIFT) as u16
    }

    /// The id with the same unguessable bits in this partition.
    #[must_use]
    pub const fn in_partition(self, partition: u16) -> Self {
        Self((partition as u128) << PARTITION_SHIFT | self.0 & (u128::MAX >> u16::BITS))
    }
}

/// The partition is in the 16 most significant bits.
const PARTITION_SHIFT: u32 = u128::BITS - u16::BITS;

impl Hash for MessageId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Half of the bits tell ids apart: they are random.
        state.write_u64(self.0 as u64);
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
#[non_exhaustive]
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
    fn the_partition_is_the_first_four_digits_and_the_other_bits_stay() {
        let id = MessageId::from_bits(u128::MAX).in_partition(0x00a1);
        assert_eq!((id.partition(), id.to_string()), (0x00a1, format!("00a1{}", "f".repeat(28))));
        assert_eq!(MessageId::from_bits(0).in_partition(u16::MAX).to_bits(), u128::from(u16::MAX) << 112);
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

//! One value of a message, in as much detail as the engine needs.

use std::num::NonZeroU32;

use super::{Payload, Text};

/// A value that was read, or none. Borrows from the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Value<'a> {
    /// There is no such member.
    Absent,
    Null,
    Bool,
    Text(Text<'a>),
    /// A number written as an integer that fits 64 bits.
    Integer(i64),
    /// Any other number, `30000.0` and `3e4` included.
    Number,
    Array,
    Object(Object<'a>),
}

/// An object, and what was learned while reading it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Object<'a> {
    pub(super) raw: &'a str,
    pub(crate) members: Members,
    /// Offset in `raw` of the first number that no finite double holds.
    pub(super) out_of_range_at: Option<NonZeroU32>,
}

/// How many members an object has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Members {
    None,
    /// One, and its value is null.
    OneNull,
    One,
    Several,
}

impl Members {
    /// After one more member.
    #[inline(always)]
    pub(super) fn and(self, is_null: bool) -> Self {
        match self {
            Self::None if is_null => Self::OneNull,
            Self::None => Self::One,
            Self::OneNull | Self::One | Self::Several => Self::Several,
        }
    }
}

impl<'a> Value<'a> {
    /// Its kind in an error message.
    pub(crate) fn kind(self) -> &'static str {
        match self {
            Self::Absent => "nothing",
            Self::Null => "null",
            Self::Bool => "a boolean",
            Self::Text(_) => "a string",
            Self::Integer(_) | Self::Number => "a number",
            Self::Array => "an array",
            Self::Object(_) => "an object",
        }
    }

    /// Whether it is absent or null: most fields do not tell the two apart.
    pub(crate) fn is_nothing(self) -> bool {
        matches!(self, Self::Absent | Self::Null)
    }

    /// The value, if it is written as an integer and fits 64 bits.
    pub(crate) fn integer(self) -> Option<i64> {
        match self {
            Self::Integer(integer) => Some(integer),
            _ => None,
        }
    }
}

impl<'a> Object<'a> {
    pub(crate) fn payload(self) -> Payload<'a> {
        Payload::checked(self.raw)
    }

    /// The first number in the object that no finite double holds, as it is written: too large, or not zero and yet so small that
    /// a double would be 0.
    pub(crate) fn number_out_of_range(self) -> Option<&'a str> {
        let at = usize::try_from(self.out_of_range_at?.get()).ok()?;
        let rest = self.raw.get(at..)?;
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        rest.get(..end.unwrap_or(rest.len()))
    }
}

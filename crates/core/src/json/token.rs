//! What the reader hands out: small enough for two registers, because a token that goes through memory costs more
//! than it takes to find it (measured: half the time of a batch).

use std::num::NonZeroU32;

use super::{Members, Object, Text, Value};

/// A value that was read, or that is not there: what it is, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Where it stands; of an integer its value.
    place: u64,
    /// Of an object: where the first number in it stands that may not fit a double; no number stands at 0.
    odd_number: u32,
    kind: Kind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Absent,
    Null,
    Bool,
    /// A string of printable ASCII without escapes.
    Printable,
    /// A string without escapes.
    Verbatim,
    Escaped,
    Integer,
    /// A number that is short enough to fit a double, but no integer.
    Decimal,
    /// Any other number.
    Number,
    Array,
    Object(Members),
}

impl Token {
    pub(crate) const ABSENT: Self = Self { place: 0, odd_number: 0, kind: Kind::Absent };

    /// What needs no place.
    #[inline(always)]
    pub(super) fn plain(kind: Kind) -> Self {
        Self { kind, ..Self::ABSENT }
    }

    /// A string, by what stands between its quotes. No text is longer than 32 bits can tell.
    #[inline(always)]
    pub(super) fn string(kind: Kind, start: usize, end: usize) -> Self {
        Self { place: start as u64 | (end as u64) << 32, odd_number: 0, kind }
    }

    #[inline(always)]
    pub(super) fn integer(value: i64) -> Self {
        Self { place: value.cast_unsigned(), odd_number: 0, kind: Kind::Integer }
    }

    /// An object from its first bracket to after its last.
    pub(super) fn object(members: Members, start: usize, end: usize, odd_number: usize) -> Self {
        Self { odd_number: odd_number as u32, ..Self::string(Kind::Object(members), start, end) }
    }

    #[inline(always)]
    pub(crate) fn is_absent(self) -> bool {
        self.kind == Kind::Absent
    }

    /// Whether it is not there or null: for most fields that is the same.
    #[inline(always)]
    pub(crate) fn is_nothing(self) -> bool {
        matches!(self.kind, Kind::Absent | Kind::Null)
    }

    /// The content if it is a string of printable ASCII without escapes.
    #[inline(always)]
    pub(crate) fn printable(self, text: &str) -> Option<&str> {
        (self.kind == Kind::Printable).then(|| self.slice(text))
    }

    #[inline(always)]
    pub(super) fn is_null(self) -> bool {
        self.kind == Kind::Null
    }

    #[inline(always)]
    pub(super) fn is_odd_number(self) -> bool {
        self.kind == Kind::Number
    }

    /// The value, which stands in the text that was read.
    #[inline(always)]
    pub(crate) fn value(self, text: &str) -> Value<'_> {
        match self.kind {
            Kind::Absent => Value::Absent,
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool,
            Kind::Printable => Value::Text(Text::verbatim(self.slice(text), true)),
            Kind::Verbatim => Value::Text(Text::verbatim(self.slice(text), false)),
            Kind::Escaped => Value::Text(Text::checked(self.slice(text), true)),
            Kind::Integer => Value::Integer(self.place.cast_signed()),
            Kind::Decimal | Kind::Number => Value::Number,
            Kind::Array => Value::Array,
            Kind::Object(members) => {
                let odd_number = NonZeroU32::new(self.odd_number.saturating_sub(self.place as u32));
                Value::Object(Object { raw: self.slice(text), members, odd_number })
            }
        }
    }

    /// What stands at its place. Both ends stand next to ASCII bytes, so both are character boundaries.
    #[inline(always)]
    fn slice(self, text: &str) -> &str {
        text.get(self.place as u32 as usize..(self.place >> 32) as usize).unwrap_or_default()
    }
}

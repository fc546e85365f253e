//! What the reader returns for a value: its kind and where it stands, in two machine words, so that it is passed in registers. A
//! token that goes through memory costs more than finding it (measured: half the time of a batch).

use std::{
    num::{NonZeroU32, NonZeroU64},
    ops::Range,
};

use super::{Members, Object, Text, Value, integer};

/// A value that was read, or none: its kind, and where it stands in the text.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Bits 0 to 15: the [`Kind`]. Bits 16 to 23: an object's [`Members`]. Bits 32 to 63: the offset in an object of the first
    /// number that no double holds, or 0, where no number can stand.
    what: NonZeroU64,
    /// Lower half: where it starts. Upper half: where it ends.
    place: u64,
}

const NOTHING: u16 = Kind::Absent as u16 | Kind::Null as u16;

/// One bit each, so that kinds can be combined and tested as sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u16)]
pub(super) enum Kind {
    Absent = 1 << 0,
    Null = 1 << 1,
    Bool = 1 << 2,
    /// A string of printable ASCII without escapes.
    Printable = 1 << 3,
    /// A string without escapes.
    Verbatim = 1 << 4,
    Escaped = 1 << 5,
    Integer = 1 << 6,
    /// A number, not an integer, that is short enough to fit a double.
    Decimal = 1 << 7,
    /// Any other number; whether it fits a double is not known yet.
    Number = 1 << 8,
    Array = 1 << 9,
    Object = 1 << 10,
}

impl Token {
    pub(crate) const ABSENT: Self = Self::new(Kind::Absent, 0);

    /// Sets of [kinds](Self::kind_bit): what a field or an optional field may be.
    pub(crate) const PRINTABLE: u16 = Kind::Printable as u16;
    pub(crate) const PRINTABLE_OR_NOTHING: u16 = NOTHING | Self::PRINTABLE;
    pub(crate) const TEXT_OR_NOTHING: u16 = Self::PRINTABLE_OR_NOTHING | Kind::Verbatim as u16 | Self::ESCAPED;
    pub(crate) const INTEGER_OR_NOTHING: u16 = NOTHING | Kind::Integer as u16;
    pub(crate) const OBJECT_OR_NOTHING: u16 = NOTHING | Kind::Object as u16;
    /// Strings with escapes.
    pub(crate) const ESCAPED: u16 = Kind::Escaped as u16;

    /// A value that is not an object; a string's range is that between its quotes. Texts are shorter than 4 GiB.
    #[inline(always)]
    pub(super) fn placed(kind: Kind, start: usize, end: usize) -> Self {
        Self::new(kind, start as u64 | (end as u64) << 32)
    }

    /// An object, its braces included. `out_of_range_at` is the position in the text of the first number that no double holds, or 0.
    #[inline(always)]
    pub(super) fn object(members: Members, start: usize, end: usize, out_of_range_at: usize) -> Self {
        let Self { what, place } = Self::placed(Kind::Object, start, end);
        Self { what: what | (members as u64) << 16 | (out_of_range_at.saturating_sub(start) as u64) << 32, place }
    }

    #[inline(always)]
    const fn new(kind: Kind, place: u64) -> Self {
        // A kind is never zero.
        let what = match NonZeroU64::new(kind as u64) {
            Some(what) => what,
            None => NonZeroU64::MIN,
        };
        Self { what, place }
    }

    /// The [`range`](Self::range) in one word: the start in the lower half, the end in the upper.
    #[inline(always)]
    pub(crate) fn packed_range(self) -> u64 {
        self.place
    }

    /// Where it stands in the text; a string without its quotes.
    #[inline(always)]
    pub(crate) fn range(self) -> Range<usize> {
        self.place as u32 as usize..self.end()
    }

    /// Start and end in the text, a string with its quotes.
    #[inline(always)]
    pub(super) fn quoted_range(self) -> (u32, u32) {
        const STRING: u16 = Kind::Printable as u16 | Kind::Verbatim as u16 | Kind::Escaped as u16;
        let quote = u32::from(self.kind_bit() & STRING != 0);
        (self.place as u32 - quote, self.end() as u32 + quote)
    }

    /// Length in bytes; 0 if absent, and 4 for null.
    #[inline(always)]
    pub(crate) fn len(self) -> usize {
        // Never wraps: the end is not before the start.
        self.end().wrapping_sub(self.place as u32 as usize)
    }

    /// Where it ends in the text.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        (self.place >> 32) as usize
    }

    #[inline(always)]
    pub(crate) fn is_absent(self) -> bool {
        self.is(Kind::Absent)
    }

    /// Whether it is absent or null: most fields do not tell the two apart.
    #[inline(always)]
    pub(crate) fn is_nothing(self) -> bool {
        self.kind_bit() & NOTHING != 0
    }

    #[inline(always)]
    pub(super) fn is_container(self) -> bool {
        self.kind_bit() & (Kind::Array as u16 | Kind::Object as u16) != 0
    }

    #[inline(always)]
    pub(super) fn is_null(self) -> bool {
        self.is(Kind::Null)
    }

    #[inline(always)]
    pub(super) fn may_be_out_of_range(self) -> bool {
        self.is(Kind::Number)
    }

    #[inline(always)]
    fn is(self, kind: Kind) -> bool {
        self.kind_bit() == kind as u16
    }

    /// The bit of its kind: an element of the sets above.
    #[inline(always)]
    pub(crate) fn kind_bit(self) -> u16 {
        self.what.get() as u16
    }

    /// The value, if it is an integer.
    #[inline(always)]
    pub(crate) fn integer(self, text: &str) -> Option<i64> {
        // The reader has made sure that it fits 64 bits.
        if self.is(Kind::Integer) { integer(self.slice(text)) } else { None }
    }

    /// The same, `by` bytes further on.
    #[inline(always)]
    pub(super) fn shifted(self, by: usize) -> Self {
        Self { place: self.place.wrapping_add((by as u64).wrapping_mul(1 << 32 | 1)), ..self }
    }

    /// The same at offsets from `at`.
    #[inline(always)]
    pub(super) fn relative_to(self, at: usize) -> Self {
        Self { place: self.place.wrapping_sub((at as u64).wrapping_mul(1 << 32 | 1)), ..self }
    }

    /// The members, if it is an object in which a double holds every number.
    #[inline(always)]
    pub(crate) fn plain_members(self) -> Option<Members> {
        (self.is(Kind::Object) && self.what.get() >> 32 == 0).then(|| self.members())
    }

    #[inline(always)]
    fn members(self) -> Members {
        match (self.what.get() >> 16) as u8 {
            0 => Members::None,
            1 => Members::OneNull,
            2 => Members::One,
            _ => Members::Several,
        }
    }

    /// Its bytes in the text: needs no check of character boundaries.
    #[inline(always)]
    pub(crate) fn bytes(self, text: &str) -> &[u8] {
        text.as_bytes().get(self.range()).unwrap_or_default()
    }

    /// The content if it is a string of printable ASCII without escapes.
    #[inline(always)]
    pub(crate) fn printable(self, text: &str) -> Option<&str> {
        self.is(Kind::Printable).then(|| self.slice(text))
    }

    /// The value; `text` is the one that was read.
    #[inline(always)]
    pub(crate) fn value(self, text: &str) -> Value<'_> {
        const KINDS: [Kind; 11] = [
            Kind::Absent,
            Kind::Null,
            Kind::Bool,
            Kind::Printable,
            Kind::Verbatim,
            Kind::Escaped,
            Kind::Integer,
            Kind::Decimal,
            Kind::Number,
            Kind::Array,
            Kind::Object,
        ];
        let kind = KINDS.get(self.kind_bit().trailing_zeros() as usize).copied().unwrap_or(Kind::Absent);
        match kind {
            Kind::Absent => Value::Absent,
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool,
            Kind::Printable => Value::Text(Text::verbatim(self.slice(text), true)),
            Kind::Verbatim => Value::Text(Text::verbatim(self.slice(text), false)),
            Kind::Escaped => Value::Text(Text::checked(self.slice(text), true)),
            Kind::Integer => integer(self.slice(text)).map_or(Value::Number, Value::Integer),
            Kind::Decimal | Kind::Number => Value::Number,
            Kind::Array => Value::Array,
            Kind::Object => Value::Object(self.as_object(text)),
        }
    }

    fn as_object(self, text: &str) -> Object<'_> {
        let members = self.members();
        let out_of_range_at = (self.what.get() >> 32) as u32;
        Object { raw: self.slice(text), members, out_of_range_at: NonZeroU32::new(out_of_range_at) }
    }

    /// Its part of the text. Both ends are character boundaries, for they stand next to ASCII bytes.
    #[inline(always)]
    fn slice(self, text: &str) -> &str {
        text.get(self.place as u32 as usize..self.end()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_a_token_has_two_words_as_well() {
        assert_eq!(size_of::<Result<Token, super::super::Stopped>>(), 16);
    }

    #[test]
    fn objects_keep_what_is_known_of_them() {
        for members in [Members::None, Members::OneNull, Members::One, Members::Several] {
            let Value::Object(object) = Token::object(members, 2, 4, 3).value("[ {} ]") else { panic!() };
            assert_eq!((object.raw, object.members, object.out_of_range_at), ("{}", members, NonZeroU32::new(1)));
        }
    }
}

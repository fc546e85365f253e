//! What the reader hands out: two words, so that it travels in registers. A token that goes through memory costs more
//! than it takes to find it (measured: half the time of a batch).

use std::num::{NonZeroU32, NonZeroU64};

use super::{Members, Object, Text, Value};

/// A value that was read, or that is not there: what it is, and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Token {
    /// Bit 0 is always set. Bits 1 to 7 are the [`Kind`], bits 8 to 15 the members of an object, and bits 32 to 63 say
    /// where the first number in an object stands that may not fit a double; no number stands at 0.
    what: NonZeroU64,
    /// Where it starts, and in the upper half where it ends; of an integer its value.
    place: u64,
}

const NOTHING: u32 = 1 << Kind::Absent as u32 | 1 << Kind::Null as u32;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
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
    Object,
}

impl Token {
    pub(crate) const ABSENT: Self = Self { what: NonZeroU64::MIN, place: 0 };

    /// [`Self::kind_bit`]s: those of what an optional field may be.
    pub(crate) const TEXT_OR_NOTHING: u32 =
        NOTHING | 1 << Kind::Printable as u32 | 1 << Kind::Verbatim as u32 | Self::ESCAPED;
    pub(crate) const INTEGER_OR_NOTHING: u32 = NOTHING | 1 << Kind::Integer as u32;
    pub(crate) const OBJECT_OR_NOTHING: u32 = NOTHING | 1 << Kind::Object as u32;
    /// The one of a string with escapes.
    pub(crate) const ESCAPED: u32 = 1 << Kind::Escaped as u32;

    /// What needs no place.
    #[inline(always)]
    pub(super) fn plain(kind: Kind) -> Self {
        Self::new(kind, 0)
    }

    /// A string, by what stands between its quotes. No text is longer than 32 bits can tell.
    #[inline(always)]
    pub(super) fn string(kind: Kind, start: usize, end: usize) -> Self {
        Self::new(kind, start as u64 | (end as u64) << 32)
    }

    #[inline(always)]
    pub(super) fn integer(value: i64) -> Self {
        Self::new(Kind::Integer, value.cast_unsigned())
    }

    /// The number with a sign in front of it.
    #[inline(always)]
    pub(super) fn negated(self) -> Self {
        match self.is(Kind::Integer) {
            true => Self { place: self.place.wrapping_neg(), ..self },
            false => self,
        }
    }

    /// An object from its first bracket to after its last.
    #[inline(always)]
    pub(super) fn object(members: Members, start: usize, end: usize, odd_number: usize) -> Self {
        let Self { what, place } = Self::string(Kind::Object, start, end);
        Self { what: what | (members as u64) << 8 | (odd_number as u64) << 32, place }
    }

    #[inline(always)]
    fn new(kind: Kind, place: u64) -> Self {
        Self { what: NonZeroU64::MIN | (kind as u64) << 1, place }
    }

    /// Where an object or the content of a string starts and ends.
    #[inline(always)]
    pub(crate) fn place(self) -> (u32, u32) {
        (self.place as u32, (self.place >> 32) as u32)
    }

    /// Where an object or the content of a string ends.
    #[inline(always)]
    pub(super) fn end(self) -> usize {
        (self.place >> 32) as usize
    }

    #[inline(always)]
    pub(crate) fn is_absent(self) -> bool {
        self.is(Kind::Absent)
    }

    /// Whether it is not there or null: for most fields that is the same.
    #[inline(always)]
    pub(crate) fn is_nothing(self) -> bool {
        self.is_absent() || self.is_null()
    }

    #[inline(always)]
    pub(super) fn is_null(self) -> bool {
        self.is(Kind::Null)
    }

    #[inline(always)]
    pub(super) fn is_odd_number(self) -> bool {
        self.is(Kind::Number)
    }

    #[inline(always)]
    fn is(self, kind: Kind) -> bool {
        self.what.get() as u8 >> 1 == kind as u8
    }

    /// One bit that stands for what it is: those of several tokens can be looked at together.
    #[inline(always)]
    pub(crate) fn kind_bit(self) -> u32 {
        1 << (self.what.get() as u8 >> 1 & 31)
    }

    /// The value of an integer.
    #[inline(always)]
    pub(crate) fn integer_value(self) -> Option<i64> {
        self.is(Kind::Integer).then_some(self.place.cast_signed())
    }

    /// The content if it is a string of printable ASCII without escapes.
    #[inline(always)]
    pub(crate) fn printable(self, text: &str) -> Option<&str> {
        self.is(Kind::Printable).then(|| self.slice(text))
    }

    /// The value, which stands in the text that was read.
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
        let kind = KINDS.get(usize::from(self.what.get() as u8 >> 1)).copied().unwrap_or(Kind::Absent);
        match kind {
            Kind::Absent => Value::Absent,
            Kind::Null => Value::Null,
            Kind::Bool => Value::Bool,
            Kind::Printable => Value::Text(Text::verbatim(self.slice(text), true)),
            Kind::Verbatim => Value::Text(Text::verbatim(self.slice(text), false)),
            Kind::Escaped => Value::Text(Text::checked(self.slice(text), true)),
            Kind::Integer => Value::Integer(self.place.cast_signed()),
            Kind::Decimal | Kind::Number => Value::Number,
            Kind::Array => Value::Array,
            Kind::Object => Value::Object(self.as_object(text)),
        }
    }

    fn as_object(self, text: &str) -> Object<'_> {
        let members = match (self.what.get() >> 8) as u8 {
            0 => Members::None,
            1 => Members::OneNull,
            2 => Members::One,
            _ => Members::Several,
        };
        let odd_number = ((self.what.get() >> 32) as u32).saturating_sub(self.place as u32);
        Object { raw: self.slice(text), members, odd_number: NonZeroU32::new(odd_number) }
    }

    /// What stands at its place. Both ends stand next to ASCII bytes, so both are character boundaries.
    #[inline(always)]
    fn slice(self, text: &str) -> &str {
        text.get(self.place as u32 as usize..self.end()).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_result_of_it_is_two_words_too() {
        assert_eq!(size_of::<Result<Token, super::super::Stopped>>(), 16);
    }

    #[test]
    fn objects_keep_what_is_known_of_them() {
        for members in [Members::None, Members::OneNull, Members::One, Members::Several] {
            let Value::Object(object) = Token::object(members, 2, 4, 3).value("[ {} ]") else { panic!() };
            assert_eq!((object.raw, object.members, object.odd_number), ("{}", members, NonZeroU32::new(1)));
        }
    }
}

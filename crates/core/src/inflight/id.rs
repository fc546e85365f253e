//! Text ids, stored inline up to the length of a UUID.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::Lookup;

/// Bytes of an id that are stored inline: as many as a UUID has.
const INLINE: usize = 36;
const FULL: u8 = INLINE as u8;

/// A text id in 40 bytes: up to 36 bytes of text are stored inline, longer texts are shared between copies.
///
/// An id belongs to a namespace, a number that its owner chooses: the same text in two namespaces is two ids.
///
/// ```
/// use setpoint::inflight::{Id, IdRef};
///
/// let id = Id::new(0, "r1");
/// assert_eq!((id.as_str(), &id == &Id::new(0, "r1"), &id == &Id::new(1, "r1")), ("r1", true, false));
/// assert_eq!(Id::from(IdRef { space: 0, text: "r1".into() }), id);
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Id(Repr);

#[derive(Clone, PartialEq, Eq)]
enum Repr {
    /// Bytes from `len` on are 0.
    Inline {
        space: u8,
        len: u8,
        bytes: [u8; INLINE],
    },
    Shared {
        space: u8,
        text: Arc<str>,
    },
}

/// A borrowed [`Id`], to look one up or to make one of.
///
/// ```
/// use setpoint::inflight::{Id, IdRef, InFlight};
///
/// let mut calls = InFlight::new([7; 32]);
/// calls.insert(Id::new(0, "r1"), None, "start turbine 7").expect("a fresh id");
/// assert!(calls.find(&IdRef { space: 0, text: "r1".into() }).is_some());
/// assert!(calls.find(&IdRef { space: 1, text: "r1".into() }).is_none());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[allow(clippy::exhaustive_structs, reason = "callers make them")]
pub struct IdRef<'a> {
    /// The namespace.
    pub space: u8,
    /// The text.
    pub text: Cow<'a, str>,
}

impl Id {
    /// The id of this text in this namespace.
    #[inline]
    pub fn new(space: u8, text: &str) -> Self {
        // Most ids are UUIDs: 36 bytes are copied without a call of `memcpy`.
        if let Ok(bytes) = <[u8; INLINE]>::try_from(text.as_bytes()) {
            return Self(Repr::Inline { space, len: FULL, bytes });
        }
        let mut bytes = [0; INLINE];
        Self(match bytes.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                Repr::Inline { space, len: text.len() as u8, bytes }
            }
            None => Repr::Shared { space, text: text.into() },
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // Always UTF-8: the bytes are those of a `str`.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::Inline { len, bytes, .. } => &bytes[..usize::from(*len)],
            Repr::Shared { text, .. } => text.as_bytes(),
        }
    }

    #[inline]
    fn space(&self) -> u8 {
        match self.0 {
            Repr::Inline { space, .. } | Repr::Shared { space, .. } => space,
        }
    }
}

/// Compares word by word: the standard comparison of 36 bytes is a call of `memcmp`.
#[inline]
fn equal(one: &[u8; INLINE], other: &[u8; INLINE]) -> bool {
    let [one, other] = [one, other].map(|bytes| bytes.as_chunks::<4>().0);
    one.iter()
        .zip(other)
        .fold(0, |differs, (one, other)| differs | (u32::from_ne_bytes(*one) ^ u32::from_ne_bytes(*other)))
        == 0
}

impl Hash for Id {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        match &self.0 {
            Repr::Inline { len: FULL, bytes, .. } => state.write(bytes),
            _ => state.write(self.as_bytes()),
        }
        state.write_u8(self.space());
    }
}

impl Hash for IdRef<'_> {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write(self.text.as_bytes());
        state.write_u8(self.space);
    }
}

impl Lookup<Id> for IdRef<'_> {
    #[inline]
    fn is(&self, id: &Id) -> bool {
        let text = self.text.as_bytes();
        // Most ids are UUIDs: both have 36 bytes, which are compared without a call.
        if let (Ok(text), Repr::Inline { space, len: FULL, bytes }) = (<&[u8; INLINE]>::try_from(text), &id.0) {
            return self.space == *space && equal(text, bytes);
        }
        self.space == id.space() && text == id.as_bytes()
    }

    #[inline]
    fn prefetch(&self) {
        setpoint_prefetch::prefetch(&*self.text);
    }
}

impl From<IdRef<'_>> for Id {
    #[inline]
    fn from(id: IdRef<'_>) -> Self {
        Self::new(id.space, &id.text)
    }
}

impl fmt::Debug for Id {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use super::*;
    use crate::secret::Secret;

    #[test]
    fn keeps_every_text_and_tells_spaces_apart() {
        let hash = Secret::new([7; 32]).keyed_hash();
        for text in ["", "r", "ünï", &"x".repeat(INLINE), &"x".repeat(INLINE + 1), &"é".repeat(100)] {
            let [one, other] = [0, 1].map(|space| Id::new(space, text));
            assert_eq!((one.as_str(), other.as_str(), format!("{one:?}")), (text, text, format!("{text:?}")));
            assert_eq!(one, Id::new(0, text));
            assert_ne!(one, other);
            let [sought, none] = [text, "?"].map(|text| IdRef { space: 0, text: text.into() });
            assert_eq!(hash.hash_one(&one), hash.hash_one(&sought));
            assert!(sought.is(&one) && !sought.is(&other) && !none.is(&one));
            assert_ne!(hash.hash_one(&one), hash.hash_one(&other));
        }
    }

    #[test]
    fn an_id_takes_40_bytes_also_where_there_may_be_none() {
        assert_eq!(size_of::<Option<Option<Id>>>(), 40);
    }
}

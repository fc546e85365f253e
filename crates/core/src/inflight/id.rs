//! Text ids that need no allocation.

use std::{
    borrow::Cow,
    fmt,
    hash::{Hash, Hasher},
    sync::Arc,
};

use super::Lookup;

/// As many bytes of an id are kept in place: a UUID has 36.
const IN_PLACE: usize = 36;
const LONGEST: u8 = IN_PLACE as u8;

/// A text id: up to 36 bytes are kept in place, longer ones are shared between copies. Takes 40 bytes.
///
/// An id belongs to a space, a number that its owner chooses: equal texts in two spaces are two ids.
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
    /// What is behind `len` is 0.
    InPlace {
        space: u8,
        len: u8,
        bytes: [u8; IN_PLACE],
    },
    Shared {
        space: u8,
        text: Arc<str>,
    },
}

/// An [`Id`] that is not kept: enough to look for one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IdRef<'a> {
    /// The space.
    pub space: u8,
    /// The text.
    pub text: Cow<'a, str>,
}

impl Id {
    /// The id of this text in this space.
    #[inline]
    pub fn new(space: u8, text: &str) -> Self {
        // By far the most are UUIDs, and those are copied without a look at their length.
        if let Ok(bytes) = <[u8; IN_PLACE]>::try_from(text.as_bytes()) {
            return Self(Repr::InPlace { space, len: LONGEST, bytes });
        }
        let mut bytes = [0; IN_PLACE];
        Self(match bytes.get_mut(..text.len()) {
            Some(room) => {
                room.copy_from_slice(text.as_bytes());
                Repr::InPlace { space, len: text.len() as u8, bytes }
            }
            None => Repr::Shared { space, text: text.into() },
        })
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        // It came from a text, so this never is the default.
        str::from_utf8(self.as_bytes()).unwrap_or_default()
    }

    #[inline]
    fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Repr::InPlace { len, bytes, .. } => &bytes[..usize::from(*len)],
            Repr::Shared { text, .. } => text.as_bytes(),
        }
    }

    #[inline]
    fn space(&self) -> u8 {
        match self.0 {
            Repr::InPlace { space, .. } | Repr::Shared { space, .. } => space,
        }
    }
}

/// Without a call, which the standard comparison of so many bytes is.
#[inline]
fn equal(one: &[u8; IN_PLACE], other: &[u8; IN_PLACE]) -> bool {
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
            Repr::InPlace { len: LONGEST, bytes, .. } => state.write(bytes),
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
        // By far the most are UUIDs, and those are compared without a look at their length.
        if let (Ok(text), Repr::InPlace { space, len: LONGEST, bytes }) = (<&[u8; IN_PLACE]>::try_from(text), &id.0) {
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
        for text in ["", "r", "ünï", &"x".repeat(IN_PLACE), &"x".repeat(IN_PLACE + 1), &"é".repeat(100)] {
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

//! Finds duplicate keys of an object without building a map.

use super::{Text, repeated};

/// Up to this number, each key is compared with those before it: fastest for small objects.
const FEW: usize = 16;
/// Characters of a key that an error message repeats.
const QUOTED_CHARS: usize = 40;

/// A member's key and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) text: Text<'a>,
    pub(crate) offset: usize,
}

impl Key<'_> {
    /// The key, or its beginning, in quotes.
    pub(super) fn quoted(&self) -> String {
        format!("{:?}", self.text.chars().take(QUOTED_CHARS).collect::<String>())
    }
}

/// The keys of all objects that are open, innermost last, each with its [`tag`].
#[derive(Debug, Default)]
pub(super) struct Keys<'a>(Vec<(u128, Key<'a>)>);

impl<'a> Keys<'a> {
    /// Opens an object: the index that its first key will have.
    pub(super) fn open(&self) -> usize {
        self.0.len()
    }

    /// Adds a key of the innermost object, whose keys start at index `start`. `false` if it is a duplicate; of an object with
    /// many keys that is found out only by [`close`](Self::close).
    #[inline]
    pub(super) fn push(&mut self, start: usize, key: Key<'a>) -> bool {
        let tag = tag(key.text);
        let before = self.0.get(start..).unwrap_or_default();
        if before.len() < FEW && before.iter().any(|(other_tag, other)| *other_tag == tag && other.text == key.text) {
            return false;
        }
        self.0.push((tag, key));
        true
    }

    /// Closes the innermost object. If it has many keys they are compared now, all at once: the first duplicate, if there is one.
    #[inline]
    pub(super) fn close(&mut self, start: usize) -> Option<Key<'a>> {
        let own = self.0.get(start..).unwrap_or_default();
        let duplicate = if own.len() > FEW { duplicate(own) } else { None };
        self.0.truncate(start);
        duplicate
    }
}

#[cold]
fn duplicate<'a>(keys: &[(u128, Key<'a>)]) -> Option<Key<'a>> {
    let groups = repeated(keys.len(), |at| keys.get(at).map(|(_, key)| key.text));
    let second = groups.iter().filter_map(|group| keys.get(*group.get(1)?));
    second.map(|(_, key)| *key).min_by_key(|key| key.offset)
}

/// The first 16 bytes of the decoded key as one integer: tells most keys apart in one comparison.
fn tag(text: Text<'_>) -> u128 {
    match text.as_decoded() {
        Some(content) => tag_of(content.as_bytes()),
        None => tag_of(text.decode().as_bytes()),
    }
}

fn tag_of(content: &[u8]) -> u128 {
    let mut tag = [0; 16];
    for (place, byte) in tag.iter_mut().zip(content) {
        *place = *byte;
    }
    u128::from_le_bytes(tag)
}

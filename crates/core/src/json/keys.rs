//! Refusing duplicate keys without building a map.

use super::{SyntaxError, Text, repeated};

/// Up to so many keys are compared one by one, which is faster than anything else for honest objects.
const FEW: usize = 16;
/// As much of a duplicate key as an error repeats, in characters.
const QUOTED_CHARS: usize = 40;

/// A member's key and where it stands.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key<'a> {
    pub(crate) text: Text<'a>,
    pub(crate) offset: usize,
}

impl Key<'_> {
    /// The error that it has occurred before in its object.
    #[cold]
    pub(super) fn duplicate(&self) -> SyntaxError {
        let quoted: String = self.text.chars().take(QUOTED_CHARS).collect();
        SyntaxError::new(self.offset, format!("duplicate key {quoted:?}"))
    }
}

/// The keys of all objects that are open, innermost last.
#[derive(Debug, Default)]
pub(super) struct Keys<'a>(Vec<Key<'a>>);

impl<'a> Keys<'a> {
    /// Where the keys of an object start that is opened now.
    pub(super) fn open(&self) -> usize {
        self.0.len()
    }

    /// Takes a key of the innermost object, whose keys start at `start`.
    pub(super) fn push(&mut self, start: usize, key: Key<'a>) -> Result<(), SyntaxError> {
        let before = self.0.get(start..).unwrap_or_default();
        if before.len() < FEW && before.iter().any(|other| other.text == key.text) {
            return Err(key.duplicate());
        }
        self.0.push(key);
        Ok(())
    }

    /// Ends the innermost object: if it has many keys, they are compared now, all at once.
    pub(super) fn close(&mut self, start: usize) -> Result<(), SyntaxError> {
        let own = self.0.get(start..).unwrap_or_default();
        if own.len() > FEW {
            let groups = repeated(own.len(), |at| own.get(at).map(|key| key.text));
            let second = groups.iter().filter_map(|group| own.get(*group.get(1)?));
            if let Some(key) = second.min_by_key(|key| key.offset) {
                return Err(key.duplicate());
            }
        }
        self.0.truncate(start);
        Ok(())
    }
}

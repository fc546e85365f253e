//! What names an entry: a key, or whatever stands for its id.

use std::{hash::Hash, num::NonZeroU64};

/// Names an entry. A key outlives its entry harmlessly: it finds nothing, also when the place is taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key(
    /// One more than the place below the generation: so a key, or none, takes one word.
    NonZeroU64,
);

impl Key {
    #[inline]
    pub(super) fn new(place: u32, generation: u32) -> Self {
        Self(NonZeroU64::MIN.saturating_add(u64::from(generation) << 32 | u64::from(place)))
    }

    /// Where the entry is; nothing else is there as long as it is.
    #[inline]
    pub(crate) fn place(self) -> u32 {
        (self.0.get() - 1) as u32
    }

    #[inline]
    pub(super) fn generation(self) -> u32 {
        ((self.0.get() - 1) >> 32) as u32
    }
}

/// What an entry can be looked up by: its id, or what stands for one and has the same hash.
pub trait Lookup<K>: Hash {
    /// Whether this is the id.
    fn is(&self, id: &K) -> bool;

    /// Has memory fetch what is going to be looked at. Nothing has to be done.
    #[inline]
    fn prefetch(&self) {}
}

impl<K: Hash + Eq> Lookup<K> for K {
    fn is(&self, id: &K) -> bool {
        self == id
    }
}

//! The entries as the wheel sees them.

use std::hash::{BuildHasher, Hash};

use super::{
    index::{self, Index},
    lists::Record,
    slots::Slots,
    wheel::Entries,
};
use crate::secret::KeyedHash;

/// What the wheel has to know of the entries.
pub(super) struct View<'a, K, V> {
    hash: &'a KeyedHash,
    index: &'a Index,
    slots: &'a Slots<K, V>,
}

impl<'a, K, V> View<'a, K, V> {
    pub(super) fn new(hash: &'a KeyedHash, index: &'a Index, slots: &'a Slots<K, V>) -> Self {
        Self { hash, index, slots }
    }
}

impl<K: Hash, V> Entries for View<'_, K, V> {
    #[inline]
    fn is_there(&self, entry: u32) -> bool {
        !self.slots.is_free(entry)
    }

    #[inline]
    fn prefetch(&self, entry: u32) {
        self.slots.prefetch(entry);
    }

    #[inline]
    fn prefetch_index(&self, entry: u32) {
        if let Some((Some(id), _)) = self.slots.get(entry).and_then(|slot| slot.content.as_ref()) {
            self.index.prefetch(index::tag(self.hash.hash_one(id)));
        }
    }

    #[inline]
    fn deadline(&self, record: Record) -> Option<u64> {
        self.slots.of(record).map(|slot| slot.deadline)
    }
}

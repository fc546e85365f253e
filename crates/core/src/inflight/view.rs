//! The wheel's view of the entries.

use std::hash::{BuildHasher, Hash};

use super::{
    index::{self, Index},
    lists::Record,
    slots::Slots,
    wheel::Entries,
};
use crate::secret::KeyedHash;

/// The parts of the table that the wheel reads.
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
    fn is_occupied(&self, slot: u32) -> bool {
        !self.slots.is_free(slot)
    }

    #[inline]
    fn prefetch(&self, slot: u32) {
        self.slots.prefetch(slot);
    }

    #[inline]
    fn prefetch_index(&self, slot: u32) {
        if let Some((Some(id), _)) = self.slots.get(slot).and_then(|slot| slot.content.as_ref()) {
            self.index.prefetch(index::tag(self.hash.hash_one(id)));
        }
    }

    #[inline]
    fn deadline(&self, record: Record) -> Option<u64> {
        self.slots.of_record(record).map(|slot| slot.deadline)
    }
}

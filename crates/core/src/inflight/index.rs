//! From the hash of an id to its slot: an extendible hash table.
//!
//! The table stores, for each entry, its slot number and a *tag*: 32 bits of the hash of its id. The leading bits of a tag select
//! a *segment* through the *directory*, the bits after them the *home bucket* in the segment. A full segment is split in two, and the
//! directory doubles when a segment needs more bits than it has; so no insertion moves more than one segment's entries,
//! and there is no rehash of the whole.

use setpoint_prefetch::prefetch;

use super::segment::{Bucket, SEGMENT, Segment};

/// No entry has this tag: it marks free lanes of buckets.
pub(super) const NO_TAG: u32 = 0;
/// A segment shares at most this many leading bits of its tags; then it grows instead of being split. Beyond 2³² entries are none.
const MAX_LOCAL_DEPTH: u32 = 18;

/// The table.
#[derive(Debug)]
pub(super) struct Index {
    /// The segment of each prefix of `global_depth` bits: 2 to the power of that many.
    directory: Vec<u32>,
    global_depth: u32,
    segments: Vec<Segment>,
}

/// Where an insertion would put its entry.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vacancy {
    segment: u32,
    bucket: u32,
    lane: usize,
}

/// The bucket in which the search for a tag begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home<'a> {
    bucket: &'a Bucket,
}

impl Home<'_> {
    /// The first slot with this tag in the bucket.
    #[inline]
    pub(super) fn first(self, tag: u32) -> Option<u32> {
        self.bucket.first(tag)
    }
}

/// The tag of an id with this hash: its upper half, but never [`NO_TAG`].
#[inline]
pub(super) fn tag(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(NO_TAG + 1)
}

impl Index {
    pub(super) fn new() -> Self {
        Self { directory: vec![0], global_depth: 0, segments: vec![Segment::new(0, 0)] }
    }

    /// Allocated memory in bytes. Takes a step for each segment.
    pub(super) fn n_bytes(&self) -> usize {
        let buckets: usize = self.segments.iter().map(Segment::n_bytes).sum();
        let own = self.directory.capacity() * size_of::<u32>() + self.segments.capacity() * size_of::<Segment>();
        buckets + own
    }

    /// Calls `make` on each slot stored under `tag`; returns the first `Some`.
    #[inline]
    pub(super) fn find<T>(&self, tag: u32, make: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let segment = self.segment(tag)?;
        segment.search(segment.home(tag), tag, make).ok()
    }

    /// As [`find`](Self::find); if there is none, where the tag would be inserted.
    #[inline]
    pub(super) fn find_or_vacancy<T>(&self, tag: u32, make: impl FnMut(u32) -> Option<T>) -> Result<T, Vacancy> {
        let at = self.segment_of(tag);
        let nowhere = Vacancy { segment: at as u32, bucket: u32::MAX, lane: 0 };
        let Some(segment) = self.segments.get(at) else { return Err(nowhere) };
        segment.search(segment.home(tag), tag, make).map_err(|(bucket, lane)| Vacancy { bucket, lane, ..nowhere })
    }

    /// Inserts a slot at the vacancy that was found for its tag. Nothing else may have been inserted in between.
    #[inline]
    pub(super) fn fill(&mut self, vacancy: Vacancy, tag: u32, slot: u32) {
        let segment = self.segments.get_mut(vacancy.segment as usize);
        if !segment.is_some_and(|segment| segment.fill(vacancy.bucket, vacancy.lane, tag, slot)) {
            self.insert(tag, slot);
        }
    }

    /// The bucket in which a search for the tag begins, which is prefetched.
    #[inline]
    pub(super) fn home(&self, tag: u32) -> Option<Home<'_>> {
        let segment = self.segment(tag)?;
        let bucket = segment.bucket(segment.home(tag))?;
        prefetch(bucket);
        Some(Home { bucket })
    }

    /// Prefetches the bucket in which a search for the tag begins.
    #[inline]
    pub(super) fn prefetch(&self, tag: u32) {
        self.home(tag);
    }

    /// Inserts a slot under a tag, which others may have as well.
    #[inline]
    pub(super) fn insert(&mut self, tag: u32, slot: u32) {
        loop {
            let at = self.segment_of(tag);
            let Some(segment) = self.segments.get_mut(at) else { return };
            if segment.insert(tag, slot) {
                return;
            }
            self.split_or_grow(at, tag);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, tag: u32, slot: u32) {
        self.take(tag, |found| found == slot);
    }

    /// Removes the first slot under this tag for which `is_wanted`.
    #[inline]
    pub(super) fn take(&mut self, tag: u32, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.segment_of(tag);
        self.segments.get_mut(at)?.take(tag, is_wanted)
    }

    #[inline]
    fn segment(&self, tag: u32) -> Option<&Segment> {
        self.segments.get(self.segment_of(tag))
    }

    #[inline]
    fn segment_of(&self, tag: u32) -> usize {
        let prefix = u64::from(tag) >> (32 - self.global_depth);
        self.directory.get(prefix as usize).map_or(0, |segment| *segment as usize)
    }

    /// Makes room in the segment at `at`, to which `tag` belongs.
    #[cold]
    fn split_or_grow(&mut self, at: usize, tag: u32) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        let depth = segment.depth();
        // While there is a single segment it doubles: small tables stay small, and growing them is cheap.
        if depth == MAX_LOCAL_DEPTH || (depth == 0 && segment.len() < SEGMENT) {
            let capacity =
                if depth == 0 { (2 * segment.len()).min(SEGMENT) } else { segment.len() + segment.len() / 4 };
            *segment = segment.resized(capacity);
            return;
        }
        if depth == self.global_depth {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.global_depth += 1;
        }
        let (low, high) = segment.split(tag);
        *segment = low;
        let new = self.segments.len() as u32;
        self.segments.push(high);
        // The directory entries of the old segment are contiguous; in the second half of them the next bit is set.
        let mut entries = self.directory.iter_mut().filter(|segment| **segment == at as u32);
        entries.by_ref().take(1 << (self.global_depth - depth - 1)).for_each(|_| ());
        entries.for_each(|segment| *segment = new);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Tags that are spread, crowded at either end, or equal.
    fn tags() -> impl Strategy<Value = u32> {
        prop_oneof![4 => 1..=u32::MAX, 1 => 1..40u32, 1 => (0..40u32).prop_map(|n| u32::MAX - n), 1 => Just(7 << 20)]
    }

    proptest! {
        #[test]
        fn finds_what_a_set_holds(steps in proptest::collection::vec((tags(), 0..50u32, any::<bool>()), 1..3_000)) {
            let (mut index, mut model) = (Index::new(), BTreeSet::new());
            for (tag, slot, insert) in steps {
                if insert {
                    if model.insert((tag, slot)) {
                        index.insert(tag, slot);
                    }
                } else {
                    model.remove(&(tag, slot));
                    index.remove(tag, slot);
                }
                prop_assert_eq!(index.find(tag, |found| (found == slot).then_some(found)).is_some(), model.contains(&(tag, slot)));
            }
            for (tag, slot) in &model {
                prop_assert_eq!(index.find(*tag, |found| (found == *slot).then_some(found)), Some(*slot));
            }
            prop_assert_eq!(index.segments.iter().map(Segment::len).sum::<usize>(), model.len());
        }

        /// Filled to the highest load and emptied again: probe sequences pass full buckets and wrap around.
        #[test]
        fn what_overflowed_is_found_when_buckets_have_room_again(
            entries in proptest::collection::btree_set((tags(), 0..1_000u32), 1..400), order in any::<u64>(),
        ) {
            let mut index = Index::new();
            let mut entries: Vec<_> = entries.into_iter().collect();
            entries.iter().for_each(|(tag, slot)| index.insert(*tag, *slot));
            while !entries.is_empty() {
                let (tag, slot) = entries.swap_remove(order as usize % entries.len());
                index.remove(tag, slot);
                prop_assert_eq!(index.find(tag, |found| (found == slot).then_some(found)), None);
                for (tag, slot) in &entries {
                    prop_assert_eq!(index.find(*tag, |found| (found == *slot).then_some(found)), Some(*slot));
                }
            }
        }
    }

    /// Numbers that look random and are all different.
    fn scattered(n: u32) -> u32 {
        n.wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca6b)
    }

    #[test]
    fn splits_as_it_grows_and_keeps_every_entry_findable() {
        let mut index = Index::new();
        let count = 20 * SEGMENT as u32;
        (1..count).for_each(|n| index.insert(scattered(n), n));
        assert!(index.segments.len() >= 20 && index.directory.len() >= 32, "{}", index.segments.len());
        for n in 1..count {
            assert_eq!(index.find(scattered(n), |slot| (slot == n).then_some(slot)), Some(n));
            assert_eq!(index.find(scattered(n + count), Some), None);
        }
        (1..count).for_each(|n| index.remove(scattered(n), n));
        let is_vacant = |segment: &Segment| segment.len() == 0 && segment.entries().next().is_none();
        assert!(index.segments.iter().all(is_vacant));
    }

    /// An entry takes 8 bytes, and up to 21 with its share of free lanes when a segment has just been split.
    #[test]
    fn segments_are_half_empty_one_after_the_other() {
        let mut index = Index::new();
        for n in 1..24 * SEGMENT as u32 {
            index.insert(scattered(n), n);
            if n > 3 * SEGMENT as u32 && n % 64 == 0 {
                assert!(index.n_bytes() <= 18 * n as usize, "{n} entries in {} bytes", index.n_bytes());
            }
        }
    }

    #[test]
    fn many_equal_tags_cost_room_and_nothing_else() {
        let mut index = Index::new();
        let count = 2 * SEGMENT as u32;
        (0..count).for_each(|n| index.insert(5, n));
        for n in 0..count {
            assert_eq!(index.find(5, |slot| (slot == n).then_some(slot)), Some(n));
        }
    }
}

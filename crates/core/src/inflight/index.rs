//! Which entry has which hash: a table of buckets, each one line of the cache, that grows a piece at a time.
//!
//! Beside the place of each entry stand 32 bits of a hash, the tag. Its first bits choose the segment, what follows them the
//! bucket in it; a full bucket overflows into the next, so a search ends at the first one with room. A segment that
//! becomes too large is split in two: no insertion moves more than one segment's words.

use setpoint_prefetch::prefetch;
use wide::u32x8;

/// Places of one bucket.
const LANES: usize = 8;
/// What is no tag.
pub(super) const NO_TAG: u32 = 0;
/// The tag where nothing is.
const EMPTY: u32 = NO_TAG;
/// Most words of a segment: it is split rather than grown then.
const SEGMENT: usize = 8_192;
/// Of so many sizes are those that are split: of half as many words as most have, and more in equal steps.
const SIZES: u32 = 8;
/// Segments are not split further than by so many bits of the tag; beyond 2³² entries there are none.
const MOST_BITS: u32 = 18;

/// The table.
#[derive(Debug)]
pub(super) struct Index {
    /// Which segment has the tags that begin with these bits; 2 to the power of `bits` of them.
    directory: Vec<u32>,
    bits: u32,
    segments: Vec<Segment>,
}

#[derive(Debug)]
struct Segment {
    buckets: Vec<Bucket>,
    len: usize,
    /// How many bits of the tag all its words share.
    bits: u32,
}

#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
struct Bucket {
    tags: [u32; LANES],
    places: [u32; LANES],
}

/// Where an insertion would put something.
#[derive(Debug, Clone, Copy)]
pub(super) struct Vacancy {
    segment: u32,
    bucket: u32,
    lane: usize,
}

/// Where a search begins.
#[derive(Debug, Clone, Copy)]
pub(super) struct Home<'a> {
    bucket: &'a Bucket,
}

impl Home<'_> {
    /// The first place there under this tag.
    #[inline]
    pub(super) fn first(self, tag: u32) -> Option<u32> {
        let lanes = self.bucket.lanes(tag);
        (lanes != 0).then(|| self.bucket.places[lanes.trailing_zeros() as usize % LANES])
    }
}

/// What the upper half of a hash is kept as.
#[inline]
pub(super) fn tag(hash: u64) -> u32 {
    ((hash >> 32) as u32).max(EMPTY + 1)
}

impl Index {
    pub(super) fn new() -> Self {
        Self { directory: vec![0], bits: 0, segments: vec![Segment::new(0, 0)] }
    }

    /// How much memory it takes, in bytes. Takes a step for each segment.
    pub(super) fn n_bytes(&self) -> usize {
        let buckets: usize = self.segments.iter().map(|segment| segment.buckets.capacity()).sum();
        let own = self.directory.capacity() * size_of::<u32>() + self.segments.capacity() * size_of::<Segment>();
        buckets * size_of::<Bucket>() + own
    }

    /// What is made of the first place under this tag of which anything is made.
    #[inline]
    pub(super) fn find<T>(&self, tag: u32, make: impl FnMut(u32) -> Option<T>) -> Option<T> {
        let segment = self.segment(tag)?;
        segment.search(segment.home(tag), tag, make).ok()
    }

    /// As [`find`](Self::find); if nothing is made, the vacancy where the tag would go.
    #[inline]
    pub(super) fn find_or_vacancy<T>(&self, tag: u32, make: impl FnMut(u32) -> Option<T>) -> Result<T, Vacancy> {
        let at = self.segment_of(tag);
        let nowhere = Vacancy { segment: at as u32, bucket: u32::MAX, lane: 0 };
        let Some(segment) = self.segments.get(at) else { return Err(nowhere) };
        segment.search(segment.home(tag), tag, make).map_err(|(bucket, lane)| Vacancy { bucket, lane, ..nowhere })
    }

    /// Puts a place where there was a vacancy for its tag. Nothing else may have been added since.
    #[inline]
    pub(super) fn fill(&mut self, vacancy: Vacancy, tag: u32, place: u32) {
        if let Some(segment) = self.segments.get_mut(vacancy.segment as usize)
            && segment.has_room()
            && let Some(bucket) = segment.buckets.get_mut(vacancy.bucket as usize)
        {
            bucket.put(vacancy.lane, tag, place);
            segment.len += 1;
        } else {
            self.insert(tag, place);
        }
    }

    /// Where a search for the tag begins.
    #[inline]
    pub(super) fn home(&self, tag: u32) -> Option<Home<'_>> {
        let segment = self.segment(tag)?;
        let bucket = segment.buckets.get(segment.home(tag))?;
        prefetch(bucket);
        Some(Home { bucket })
    }

    /// Has memory fetch what a search for the tag begins with.
    #[inline]
    pub(super) fn prefetch(&self, tag: u32) {
        self.home(tag);
    }

    /// Adds a place under a tag; there may be others under the same one.
    #[inline]
    pub(super) fn insert(&mut self, tag: u32, place: u32) {
        loop {
            let at = self.segment_of(tag);
            let Some(segment) = self.segments.get_mut(at) else { return };
            if segment.insert(tag, place) {
                return;
            }
            self.make_room(at, tag);
        }
    }

    #[inline]
    pub(super) fn remove(&mut self, tag: u32, place: u32) {
        self.take(tag, |found| found == place);
    }

    /// Takes out the first place under this tag that is the one.
    #[inline]
    pub(super) fn take(&mut self, tag: u32, is_the_one: impl Fn(u32) -> bool) -> Option<u32> {
        let at = self.segment_of(tag);
        self.segments.get_mut(at)?.take(tag, is_the_one)
    }

    #[inline]
    fn segment(&self, tag: u32) -> Option<&Segment> {
        self.segments.get(self.segment_of(tag))
    }

    #[inline]
    fn segment_of(&self, tag: u32) -> usize {
        let at = u64::from(tag) >> (32 - self.bits);
        self.directory.get(at as usize).map_or(0, |segment| *segment as usize)
    }

    /// Makes room in a segment, which is that of this tag.
    #[cold]
    fn make_room(&mut self, at: usize, tag: u32) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        let (words, bits) = (segment.len, segment.bits);
        if bits == MOST_BITS || (bits == 0 && words < SEGMENT) {
            // The only one doubles, which costs little memory and keeps growing cheap.
            let room = if bits == 0 { (2 * words).min(SEGMENT) } else { words + words / 4 };
            let mut grown = Segment::new(room, bits);
            segment.words().for_each(|(tag, place)| grown.add(tag, place));
            *segment = grown;
            return;
        }
        if bits == self.bits {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.bits += 1;
        }
        let (bit, bits) = (1 << (31 - bits), bits + 1);
        let is_high = |tag: u32| tag & bit != 0;
        let n_high = segment.words().filter(|(tag, _)| is_high(*tag)).count();
        let mut low = Segment::half(words - n_high, tag & !bit, bits);
        let mut high = Segment::half(n_high, tag | bit, bits);
        for (tag, place) in segment.words() {
            if is_high(tag) { &mut high } else { &mut low }.add(tag, place);
        }
        *segment = low;
        let new = self.segments.len() as u32;
        self.segments.push(high);
        // Of the run that leads here, the second half has the next bit set.
        let mut run = self.directory.iter_mut().filter(|segment| **segment == at as u32);
        run.by_ref().take(1 << (self.bits - bits)).for_each(|_| ());
        run.for_each(|segment| *segment = new);
    }
}

impl Segment {
    /// An empty segment with room for so many words and one more.
    fn new(words: usize, bits: u32) -> Self {
        let buckets = (words + 1) * 4 / (LANES * 3) + 1;
        Self { buckets: vec![Bucket::VACANT; buckets], len: 0, bits }
    }

    /// An empty segment for one half of another one, which is that of this tag, with all the room that it will have: no word of
    /// it is moved before it is split itself. Which size that is depends on how its tags begin, so that of many segments at no
    /// time all are half empty.
    fn half(words: usize, tag: u32, bits: u32) -> Self {
        // What is behind the bits that its tags share is not known of a tag.
        let first = (tag & !(u32::MAX >> bits)) >> (32 - SIZES.ilog2());
        let most = SEGMENT / SIZES as usize * (SIZES + first + 1) as usize / 2;
        Self::new(most.max(words + words / 4), bits)
    }

    fn words(&self) -> impl Iterator<Item = (u32, u32)> {
        self.buckets.iter().flat_map(|bucket| bits(bucket.held()).map(|lane| (bucket.tags[lane], bucket.places[lane])))
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        let rest = u64::from(tag.checked_shl(self.bits).unwrap_or(0));
        ((rest * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    /// What is made, or where the search ended: in the first bucket with room, and at its first vacant lane.
    #[inline]
    fn search<T>(&self, mut at: usize, tag: u32, mut make: impl FnMut(u32) -> Option<T>) -> Result<T, (u32, usize)> {
        // There always is room somewhere: see `has_room`.
        loop {
            let Some(bucket) = self.buckets.get(at) else { return Err((u32::MAX, 0)) };
            for lane in bits(bucket.lanes(tag)) {
                if let Some(made) = make(bucket.places[lane]) {
                    return Ok(made);
                }
            }
            if let Some(lane) = bits(bucket.lanes(EMPTY)).next() {
                return Err((at as u32, lane));
            }
            at = self.after(at);
        }
    }

    /// Three words for four lanes at most: beyond, buckets overflow too often.
    #[inline]
    fn has_room(&self) -> bool {
        (self.len + 1) * 4 <= self.buckets.len() * LANES * 3
    }

    /// Whether there was room.
    #[inline]
    fn insert(&mut self, tag: u32, place: u32) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.add(tag, place);
        }
        has_room
    }

    /// Adds a word, for which there has to be room.
    #[inline]
    fn add(&mut self, tag: u32, place: u32) {
        let mut at = self.home(tag);
        while let Some(bucket) = self.buckets.get_mut(at) {
            if let Some(lane) = bits(bucket.lanes(EMPTY)).next() {
                bucket.put(lane, tag, place);
                self.len += 1;
                return;
            }
            at = self.after(at);
        }
    }

    #[inline]
    fn take(&mut self, tag: u32, is_the_one: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(tag);
        loop {
            let bucket = self.buckets.get_mut(at)?;
            let has_room = bucket.lanes(EMPTY) != 0;
            if let Some(lane) = bits(bucket.lanes(tag)).find(|lane| is_the_one(bucket.places[*lane])) {
                bucket.tags[lane] = EMPTY;
                let place = bucket.places[lane];
                self.len -= 1;
                if !has_room {
                    self.refill(at, lane);
                }
                return Some(place);
            }
            if has_room {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Fills a lane of a bucket that was full with what had found no room there, if anything did.
    #[inline(never)]
    fn refill(&mut self, mut hole: usize, mut lane: usize) {
        let count = self.buckets.len();
        let (mut at, mut way) = (self.after(hole), 1);
        while at != hole
            && let Some(bucket) = self.buckets.get(at)
        {
            let vacant = bucket.lanes(EMPTY);
            let held = bits(bucket.held());
            // Whoever came by the hole has come at least as far.
            let mover = held.into_iter().find(|lane| {
                let home = self.home(bucket.tags[*lane]);
                (if home <= at { at - home } else { at + count - home }) >= way
            });
            if let Some(mover) = mover {
                let (tag, place) = (bucket.tags[mover], bucket.places[mover]);
                self.buckets[at].tags[mover] = EMPTY;
                self.buckets[hole].put(lane, tag, place);
                (hole, lane, way) = (at, mover, 0);
            }
            if vacant != 0 {
                return;
            }
            (at, way) = (self.after(at), way + 1);
        }
    }
}

impl Bucket {
    const VACANT: Self = Self { tags: [EMPTY; LANES], places: [0; LANES] };

    /// A bit for each lane that has this tag.
    #[inline]
    fn lanes(&self, tag: u32) -> u32 {
        equal(self.tags, tag)
    }

    /// A bit for each lane that holds a word.
    #[inline]
    fn held(&self) -> u32 {
        !self.lanes(EMPTY) & ((1 << LANES) - 1)
    }

    #[inline]
    fn put(&mut self, lane: usize, tag: u32, place: u32) {
        (self.tags[lane % LANES], self.places[lane % LANES]) = (tag, place);
    }
}

/// A bit for each number that is this one.
#[inline]
fn equal(numbers: [u32; LANES], number: u32) -> u32 {
    u32x8::new(numbers).simd_eq(u32x8::splat(number)).to_bitmask()
}

/// Which bits are set, the lowest first.
#[inline]
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize % LANES;
        let is_set = mask != 0;
        mask &= mask.wrapping_sub(1);
        is_set.then_some(bit)
    })
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
            for (tag, place, insert) in steps {
                if insert {
                    if model.insert((tag, place)) {
                        index.insert(tag, place);
                    }
                } else {
                    model.remove(&(tag, place));
                    index.remove(tag, place);
                }
                prop_assert_eq!(index.find(tag, |found| (found == place).then_some(found)).is_some(), model.contains(&(tag, place)));
            }
            for (tag, place) in &model {
                prop_assert_eq!(index.find(*tag, |found| (found == *place).then_some(found)), Some(*place));
            }
            prop_assert_eq!(index.segments.iter().map(|segment| segment.len).sum::<usize>(), model.len());
        }

        /// As full as it may become, and emptied again, all ways go through full buckets and around the end.
        #[test]
        fn what_overflowed_is_found_when_buckets_have_room_again(
            words in proptest::collection::btree_set((tags(), 0..1_000u32), 1..400), order in any::<u64>(),
        ) {
            let mut index = Index::new();
            let mut words: Vec<_> = words.into_iter().collect();
            words.iter().for_each(|(tag, place)| index.insert(*tag, *place));
            while !words.is_empty() {
                let (tag, place) = words.swap_remove(order as usize % words.len());
                index.remove(tag, place);
                prop_assert_eq!(index.find(tag, |found| (found == place).then_some(found)), None);
                for (tag, place) in &words {
                    prop_assert_eq!(index.find(*tag, |found| (found == *place).then_some(found)), Some(*place));
                }
            }
        }
    }

    /// Numbers that look random and are all different.
    fn scattered(n: u32) -> u32 {
        n.wrapping_mul(0x9e37_79b1).rotate_left(15).wrapping_mul(0x85eb_ca6b)
    }

    #[test]
    fn splits_as_it_grows_and_keeps_every_word_near_its_home() {
        let mut index = Index::new();
        let count = 20 * SEGMENT as u32;
        (1..count).for_each(|n| index.insert(scattered(n), n));
        assert!(index.segments.len() >= 20 && index.directory.len() >= 32, "{}", index.segments.len());
        for n in 1..count {
            assert_eq!(index.find(scattered(n), |place| (place == n).then_some(place)), Some(n));
            assert_eq!(index.find(scattered(n + count), Some), None);
        }
        (1..count).for_each(|n| index.remove(scattered(n), n));
        let is_vacant = |segment: &Segment| segment.len == 0 && segment.words().next().is_none();
        assert!(index.segments.iter().all(is_vacant));
    }

    /// A word takes 8 bytes, and its room as much as 21 when a segment has just been split.
    #[test]
    fn segments_are_half_empty_one_after_the_other() {
        let mut index = Index::new();
        for n in 1..24 * SEGMENT as u32 {
            index.insert(scattered(n), n);
            if n > 3 * SEGMENT as u32 && n % 64 == 0 {
                assert!(index.n_bytes() <= 18 * n as usize, "{n} words in {} bytes", index.n_bytes());
            }
        }
    }

    #[test]
    fn many_equal_tags_cost_room_and_nothing_else() {
        let mut index = Index::new();
        let count = 2 * SEGMENT as u32;
        (0..count).for_each(|n| index.insert(5, n));
        for n in 0..count {
            assert_eq!(index.find(5, |place| (place == n).then_some(place)), Some(n));
        }
    }
}

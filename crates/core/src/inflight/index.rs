//! Which entry has which hash: an open-addressed table that grows a piece at a time.
//!
//! Each word holds 32 bits of a hash, the tag, above the place of an entry. Words stand in order of their tags, each as
//! near to its home as that order allows, and a tag's home grows with the tag: a search ends at the first larger word,
//! and growing is one pass from the front to the back. The first bits of the tag choose the segment. A segment that
//! becomes too large is split in two, so that no insertion moves more than one segment's words.

/// No word: larger than all others.
const EMPTY: u64 = u64::MAX;
/// Words of a segment that is split rather than grown.
const SEGMENT: usize = 8_192;
/// Segments are not split further than by so many bits of the tag; beyond 2³² entries there are none.
const MOST_BITS: u32 = 18;
/// Homes of a new segment.
const SMALLEST: usize = 16;
/// Words behind the last home, for those that find no room before.
const SPILL: usize = 16;

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
    words: Vec<u64>,
    /// How many of the words are somebody's home.
    homes: usize,
    len: usize,
    /// How many bits of the tag all its words share.
    bits: u32,
}

impl Index {
    pub(super) fn new() -> Self {
        Self { directory: vec![0], bits: 0, segments: vec![Segment::new(Vec::new(), 0)] }
    }

    /// The first place under this tag that `is` the one.
    #[inline]
    pub(super) fn find(&self, tag: u32, is: impl FnMut(u32) -> bool) -> Option<u32> {
        self.segments.get(self.segment_of(tag))?.find(tag, is)
    }

    /// Something that stands near the tag's home.
    #[inline]
    pub(super) fn touch(&self, tag: u32) -> u64 {
        let segment = self.segments.get(self.segment_of(tag));
        segment.and_then(|segment| segment.words.get(segment.home(tag))).copied().unwrap_or(0)
    }

    /// Adds a place under a tag; there may be others under the same one.
    pub(super) fn insert(&mut self, tag: u32, place: u32) {
        let word = word(tag, place);
        loop {
            let at = self.segment_of(tag);
            let Some(segment) = self.segments.get_mut(at) else { return };
            if segment.insert(word) {
                return;
            }
            if segment.len < SEGMENT || segment.bits == MOST_BITS {
                segment.grow();
            } else {
                self.split(at);
            }
        }
    }

    pub(super) fn remove(&mut self, tag: u32, place: u32) {
        let at = self.segment_of(tag);
        if let Some(segment) = self.segments.get_mut(at) {
            segment.remove(word(tag, place));
        }
    }

    fn segment_of(&self, tag: u32) -> usize {
        let at = u64::from(tag) >> (32 - self.bits);
        self.directory.get(at as usize).map_or(0, |segment| *segment as usize)
    }

    fn split(&mut self, at: usize) {
        let Some(segment) = self.segments.get_mut(at) else { return };
        if segment.bits == self.bits {
            self.directory = self.directory.iter().flat_map(|segment| [*segment; 2]).collect();
            self.bits += 1;
        }
        let bits = segment.bits + 1;
        let (low, high) = segment.halves();
        *segment = Segment::new(low, bits);
        let new = self.segments.len() as u32;
        self.segments.push(Segment::new(high, bits));
        // Of the run that leads here, the second half has the next bit set.
        let mut run = self.directory.iter_mut().filter(|segment| **segment == at as u32);
        run.by_ref().take(1 << (self.bits - bits)).for_each(|_| ());
        run.for_each(|segment| *segment = new);
    }
}

impl Segment {
    /// A segment of these words, which are in order.
    fn new(words: Vec<u64>, bits: u32) -> Self {
        let mut segment = Self { words, homes: 0, len: 0, bits };
        segment.spread();
        segment
    }

    #[inline]
    fn home(&self, tag: u32) -> usize {
        let rest = u64::from(tag.checked_shl(self.bits).unwrap_or(0));
        ((rest * self.homes as u64) >> 32) as usize
    }

    #[inline]
    fn find(&self, tag: u32, mut is: impl FnMut(u32) -> bool) -> Option<u32> {
        let first = word(tag, 0);
        for word in self.words.get(self.home(tag)..)? {
            if *word < first {
                continue;
            }
            if (*word >> 32) as u32 != tag || *word == EMPTY {
                return None;
            }
            if is(*word as u32) {
                return Some(*word as u32);
            }
        }
        None
    }

    /// Whether there was room.
    fn insert(&mut self, word: u64) -> bool {
        // Five words for six homes at most: beyond, the ways become long.
        if (self.len + 1) * 6 > self.homes * 5 {
            return false;
        }
        let home = self.home(tag(word));
        let Some(words) = self.words.get_mut(home..) else { return false };
        let Some(at) = words.iter().position(|other| *other > word) else { return false };
        // All that follow move one place on, the last of them into an empty one. Nearly always the last of all is one.
        if words.last() != Some(&EMPTY) && !words.iter().skip(at).any(|other| *other == EMPTY) {
            return false;
        }
        let mut carried = word;
        for place in words.iter_mut().skip(at) {
            carried = std::mem::replace(place, carried);
            if carried == EMPTY {
                break;
            }
        }
        self.len += 1;
        true
    }

    fn remove(&mut self, word: u64) {
        let home = self.home(tag(word));
        let words = self.words.get(home..).unwrap_or_default();
        let Some(at) = words.iter().position(|other| *other >= word).map(|n| home + n) else { return };
        if self.words.get(at) != Some(&word) {
            return;
        }
        // Whatever is not at its home moves one place towards it.
        let mut end = at + 1;
        while let Some(next) = self.words.get(end).copied().filter(|next| *next != EMPTY)
            && self.home(tag(next)) < end
        {
            self.words[end - 1] = next;
            end += 1;
        }
        self.words[end - 1] = EMPTY;
        self.len -= 1;
    }

    fn grow(&mut self) {
        self.words.retain(|word| *word != EMPTY);
        self.spread();
    }

    /// Gives the words, which are all there is and in order, more room by an eighth, and puts each near its home.
    fn spread(&mut self) {
        let packed = std::mem::take(&mut self.words);
        self.len = packed.len();
        self.homes = (self.len * 6 / 5 * 9 / 8).max(self.homes + 1).next_multiple_of(SMALLEST);
        // Nothing is far from its home at this load, so the last words end in the first half of the room behind the homes;
        // should they not, there is more.
        let mut words = Vec::with_capacity(self.homes + 2 * SPILL);
        for word in packed {
            let home = self.home(tag(word)).max(words.len());
            words.resize(home, EMPTY);
            words.push(word);
        }
        words.resize(words.len().max(self.homes) + SPILL, EMPTY);
        self.words = words;
    }

    /// The words without and with the next bit of the tag.
    fn halves(&mut self) -> (Vec<u64>, Vec<u64>) {
        self.words.retain(|word| *word != EMPTY);
        let bit = 1 << (31 - self.bits);
        let middle = self.words.partition_point(|word| tag(*word) & bit == 0);
        let high = self.words.split_off(middle);
        (std::mem::take(&mut self.words), high)
    }
}

const fn word(tag: u32, place: u32) -> u64 {
    (tag as u64) << 32 | place as u64
}

const fn tag(word: u64) -> u32 {
    (word >> 32) as u32
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Tags that are spread, crowded at either end, or equal.
    fn tags() -> impl Strategy<Value = u32> {
        prop_oneof![4 => any::<u32>(), 1 => 0..40u32, 1 => (0..40u32).prop_map(|n| u32::MAX - n), 1 => Just(7 << 20)]
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
                prop_assert_eq!(index.find(tag, |found| found == place).is_some(), model.contains(&(tag, place)));
            }
            for (tag, place) in &model {
                prop_assert_eq!(index.find(*tag, |found| found == *place), Some(*place));
            }
            prop_assert_eq!(index.segments.iter().map(|segment| segment.len).sum::<usize>(), model.len());
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
        (0..count).for_each(|n| index.insert(scattered(n), n));
        assert!(index.segments.len() >= 20 && index.directory.len() >= 32, "{}", index.segments.len());
        let words: usize = index.segments.iter().map(|segment| segment.words.len()).sum();
        assert!(words < count as usize * 3 / 2, "{words} words");
        for n in 0..count {
            assert_eq!(index.find(scattered(n), |place| place == n), Some(n));
            assert_eq!(index.find(scattered(n + count), |_| true), None);
        }
        (0..count).for_each(|n| index.remove(scattered(n), n));
        assert!(index.segments.iter().all(|segment| segment.len == 0 && segment.words.iter().all(|w| *w == EMPTY)));
    }

    #[test]
    fn many_equal_tags_cost_room_and_nothing_else() {
        let mut index = Index::new();
        let count = 2 * SEGMENT as u32;
        (0..count).for_each(|n| index.insert(5, n));
        for n in 0..count {
            assert_eq!(index.find(5, |place| place == n), Some(n));
        }
    }
}

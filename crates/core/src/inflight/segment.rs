//! A segment of the index: a hash table of cache-line buckets with linear probing and backward-shift deletion.

use wide::u32x8;

use super::index::NO_TAG;

/// Entries of one bucket.
const LANES: usize = 8;
/// Entries at which a segment is split rather than grown.
pub(super) const SEGMENT: usize = 8_192;
/// Segments are made in this many sizes, from half of `SEGMENT` on in equal steps, so that they do not all fill up at once.
const SIZES: u32 = 8;

#[derive(Debug)]
pub(super) struct Segment {
    buckets: Vec<Bucket>,
    len: usize,
    /// The local depth: how many leading bits all tags in here share.
    depth: u32,
}

/// One cache line. A full bucket overflows into the next one, so a search ends at the first bucket with a free lane.
#[derive(Debug, Clone, Copy)]
#[repr(align(64))]
pub(super) struct Bucket {
    /// The tag of each lane, [`NO_TAG`] in free ones.
    tags: [u32; LANES],
    slots: [u32; LANES],
}

impl Segment {
    /// An empty segment with room for `capacity` entries and one more.
    pub(super) fn new(capacity: usize, depth: u32) -> Self {
        let buckets = (capacity + 1) * 4 / (LANES * 3) + 1;
        Self { buckets: vec![Bucket::VACANT; buckets], len: 0, depth }
    }

    /// An empty segment for one half of a split, to which `tag` belongs, with all the room that it will ever have: its entries are
    /// not moved until it is split itself. Its size depends on how its tags begin, so that of many segments never all
    /// are half empty at the same time.
    fn for_half(len: usize, tag: u32, depth: u32) -> Self {
        // Only the bits that all its tags share.
        let first = (tag & !(u32::MAX >> depth)) >> (32 - SIZES.ilog2());
        let full = SEGMENT / SIZES as usize * (SIZES + first + 1) as usize / 2;
        Self::new(full.max(len + len / 4), depth)
    }

    /// How many entries it has.
    pub(super) fn len(&self) -> usize {
        self.len
    }

    pub(super) fn depth(&self) -> u32 {
        self.depth
    }

    /// Allocated memory in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.buckets.capacity() * size_of::<Bucket>()
    }

    #[inline]
    pub(super) fn bucket(&self, at: usize) -> Option<&Bucket> {
        self.buckets.get(at)
    }

    /// Every entry: tag and slot.
    pub(super) fn entries(&self) -> impl Iterator<Item = (u32, u32)> {
        self.buckets
            .iter()
            .flat_map(|bucket| bits(bucket.occupied()).map(|lane| (bucket.tags[lane], bucket.slots[lane])))
    }

    /// The same entries with room for `capacity`.
    pub(super) fn resized(&self, capacity: usize) -> Self {
        let mut resized = Self::new(capacity, self.depth);
        self.entries().for_each(|(tag, slot)| resized.add(tag, slot));
        resized
    }

    /// Both halves of the segment, to which `tag` belongs, by the first bit that its tags do not all share.
    pub(super) fn split(&self, tag: u32) -> (Self, Self) {
        let (bit, depth) = (1 << (31 - self.depth), self.depth + 1);
        let is_high = |tag: u32| tag & bit != 0;
        let n_high = self.entries().filter(|(tag, _)| is_high(*tag)).count();
        let mut low = Self::for_half(self.len - n_high, tag & !bit, depth);
        let mut high = Self::for_half(n_high, tag | bit, depth);
        for (tag, slot) in self.entries() {
            if is_high(tag) { &mut high } else { &mut low }.add(tag, slot);
        }
        (low, high)
    }

    /// The home bucket of a tag: the bits behind the shared ones, scaled to the number of buckets.
    #[inline]
    pub(super) fn home(&self, tag: u32) -> usize {
        let rest = u64::from(tag.checked_shl(self.depth).unwrap_or(0));
        ((rest * self.buckets.len() as u64) >> 32) as usize
    }

    #[inline]
    fn after(&self, at: usize) -> usize {
        if at + 1 == self.buckets.len() { 0 } else { at + 1 }
    }

    /// Calls `make` on each slot with this tag, from bucket `at` on; returns the first `Some`, or the bucket and lane where the
    /// search ended: the first free lane.
    #[inline]
    pub(super) fn search<T>(
        &self,
        mut at: usize,
        tag: u32,
        mut make: impl FnMut(u32) -> Option<T>,
    ) -> Result<T, (u32, usize)> {
        // Ends: `has_room` keeps lanes free.
        loop {
            let Some(bucket) = self.buckets.get(at) else { return Err((u32::MAX, 0)) };
            for lane in bits(bucket.lanes(tag)) {
                if let Some(made) = make(bucket.slots[lane]) {
                    return Ok(made);
                }
            }
            if let Some(lane) = bits(bucket.lanes(NO_TAG)).next() {
                return Err((at as u32, lane));
            }
            at = self.after(at);
        }
    }

    /// A load factor of 3/4 at most: beyond it, too many buckets overflow.
    #[inline]
    fn has_room(&self) -> bool {
        (self.len + 1) * 4 <= self.buckets.len() * LANES * 3
    }

    /// Puts an entry into a free lane; `false` if there is no room or no such bucket.
    #[inline]
    pub(super) fn fill(&mut self, bucket: u32, lane: usize, tag: u32, slot: u32) -> bool {
        if !self.has_room() {
            return false;
        }
        let Some(bucket) = self.buckets.get_mut(bucket as usize) else { return false };
        bucket.put(lane, tag, slot);
        self.len += 1;
        true
    }

    /// Inserts an entry; `false` if there is no room.
    #[inline]
    pub(super) fn insert(&mut self, tag: u32, slot: u32) -> bool {
        let has_room = self.has_room();
        if has_room {
            self.add(tag, slot);
        }
        has_room
    }

    /// Inserts an entry, for which there has to be room.
    #[inline]
    fn add(&mut self, tag: u32, slot: u32) {
        let mut at = self.home(tag);
        while let Some(bucket) = self.buckets.get_mut(at) {
            if let Some(lane) = bits(bucket.lanes(NO_TAG)).next() {
                bucket.put(lane, tag, slot);
                self.len += 1;
                return;
            }
            at = self.after(at);
        }
    }

    /// Removes the first slot under this tag for which `is_wanted`.
    #[inline]
    pub(super) fn take(&mut self, tag: u32, is_wanted: impl Fn(u32) -> bool) -> Option<u32> {
        let mut at = self.home(tag);
        loop {
            let bucket = self.buckets.get_mut(at)?;
            let has_room = bucket.lanes(NO_TAG) != 0;
            if let Some(lane) = bits(bucket.lanes(tag)).find(|lane| is_wanted(bucket.slots[*lane])) {
                bucket.tags[lane] = NO_TAG;
                let slot = bucket.slots[lane];
                self.len -= 1;
                // Entries may have overflowed only from a bucket that was full.
                if !has_room {
                    self.shift_back(at, lane);
                }
                return Some(slot);
            }
            if has_room {
                return None;
            }
            at = self.after(at);
        }
    }

    /// Backward-shift deletion: fills the hole in a bucket that was full with an entry that had overflowed past it, then the hole
    /// which that leaves, and so on up to a bucket that has room. So no tombstones are needed.
    #[inline(never)]
    fn shift_back(&mut self, mut hole: usize, mut lane: usize) {
        let count = self.buckets.len();
        // `distance` is that from the hole to `at`, in buckets.
        let (mut at, mut distance) = (self.after(hole), 1);
        while at != hole
            && let Some(bucket) = self.buckets.get(at)
        {
            let vacant = bucket.lanes(NO_TAG);
            // An entry may fill the hole only if its probe sequence passed over it: its home is at or before the hole.
            let mover = bits(bucket.occupied()).find(|lane| {
                let home = self.home(bucket.tags[*lane]);
                (if home <= at { at - home } else { at + count - home }) >= distance
            });
            if let Some(mover) = mover {
                let (tag, slot) = (bucket.tags[mover], bucket.slots[mover]);
                self.buckets[at].tags[mover] = NO_TAG;
                self.buckets[hole].put(lane, tag, slot);
                (hole, lane, distance) = (at, mover, 0);
            }
            if vacant != 0 {
                return;
            }
            (at, distance) = (self.after(at), distance + 1);
        }
    }
}

impl Bucket {
    const VACANT: Self = Self { tags: [NO_TAG; LANES], slots: [0; LANES] };

    /// The first slot with this tag.
    #[inline]
    pub(super) fn first(&self, tag: u32) -> Option<u32> {
        let lanes = self.lanes(tag);
        (lanes != 0).then(|| self.slots[lanes.trailing_zeros() as usize % LANES])
    }

    /// A bit for each lane that has this tag.
    #[inline]
    fn lanes(&self, tag: u32) -> u32 {
        u32x8::new(self.tags).simd_eq(u32x8::splat(tag)).to_bitmask()
    }

    /// A bit for each lane that holds an entry.
    #[inline]
    fn occupied(&self) -> u32 {
        !self.lanes(NO_TAG) & ((1 << LANES) - 1)
    }

    #[inline]
    fn put(&mut self, lane: usize, tag: u32, slot: u32) {
        (self.tags[lane % LANES], self.slots[lane % LANES]) = (tag, slot);
    }
}

/// The positions of the bits that are set, the lowest first.
#[inline]
fn bits(mut mask: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = mask.trailing_zeros() as usize % LANES;
        let is_set = mask != 0;
        mask &= mask.wrapping_sub(1);
        is_set.then_some(bit)
    })
}

//! A hierarchical timing wheel of two levels, which orders deadlines; and the queue of entries that have ended.
//!
//! The coarse level is a ring of 4,096 ticks of 128 ms: it reaches nine minutes ahead, further than any timeout of the protocol.
//! Later deadlines wait in a sorted set, the overflow, until the ring reaches them. The fine level has the 128
//! milliseconds of the current tick. When the time enters a tick, its list cascades: its records are distributed over the fine level,
//! in order, so that equal deadlines keep theirs. Nothing else ever moves, and never more than one tick's records at once.
//!
//! Deletion is lazy. A slot does not know where its record is; to cancel one, the slot is given a record of another generation, or
//! none, and the old record is stale. When most records are stale, one list after the other is compacted.

use std::collections::{BTreeSet, VecDeque};

use super::lists::{Lists, Record};

/// Milliseconds of a tick, as a power of two.
const FINE_BITS: u32 = 7;
/// Lists of the fine level: one for each millisecond.
const FINE: u32 = 1 << FINE_BITS;
/// Lists of the coarse level: one for each tick.
const COARSE: u32 = 4_096;
/// How far the wheel may lag behind the time before [`Wheel::follow`] advances it, in milliseconds: a quarter of its range.
const BEHIND_MS: u64 = ((COARSE / 4) << FINE_BITS) as u64;
/// Equal deadlines no further ahead than this keep their order, in milliseconds.
#[cfg(test)]
pub(super) const HORIZON_MS: u64 = ((COARSE - 1) << FINE_BITS) as u64;

/// Numbers of the lists: first the fine level, then the coarse one, then what is due.
const FIRST_COARSE: u32 = FINE;
const DUE: u32 = FINE + COARSE;
const LISTS: u32 = DUE + 1;
/// Records that are prefetched together and then processed, so that their cache misses overlap.
const BATCH: usize = 32;
/// The generation of no record: the slot has neither a deadline nor ended.
pub(super) const NO_RECORD: u32 = 0;
/// Bit of a generation: the record is in the queue of ended entries, not in the wheel.
const ENDED: u32 = 1;

/// The entries that records are of.
pub(super) trait Entries {
    /// The deadline of the record's slot; `None` if the record is stale.
    fn deadline(&self, record: Record) -> Option<u64>;
    /// Whether the slot holds an entry. Reads only the free bitmap: no cache miss on the slot.
    fn is_occupied(&self, slot: u32) -> bool;
    /// Prefetches the slot.
    fn prefetch(&self, slot: u32);
    /// Prefetches what the index needs to remove the entry of the slot, which is in the cache by now.
    fn prefetch_index(&self, slot: u32);
}

#[derive(Debug)]
pub(super) struct Wheel {
    /// The time of the wheel, in milliseconds: everything up to it is due. Never steps back.
    elapsed: u64,
    /// That of the newest record.
    generation: u32,
    lists: Lists,
    /// Records of entries that have ended, oldest first; `n_ended` of them are not stale.
    ended: VecDeque<Record>,
    n_ended: usize,
    /// A bit for each list of the fine and of the coarse level that has a live record.
    fine: u128,
    coarse: [u64; COARSE as usize / 64],
    /// A bit for each word of `coarse` that is not 0.
    coarse_words: u64,
    /// Records beyond the ring: deadline, generation, slot.
    overflow: BTreeSet<(u64, u32, u32)>,
    /// Where to look for the next list to compact.
    next_compacted: u32,
    /// Buffer for records that are being processed, empty in between.
    records: Vec<Record>,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            elapsed: 0,
            generation: NO_RECORD,
            lists: Lists::new(LISTS),
            ended: VecDeque::new(),
            n_ended: 0,
            fine: 0,
            coarse: [0; COARSE as usize / 64],
            coarse_words: 0,
            overflow: BTreeSet::new(),
            next_compacted: 0,
            records: Vec::new(),
        }
    }

    /// Allocated memory in bytes, without the overflow, in which deadlines are rare.
    pub(super) fn n_bytes(&self) -> usize {
        self.lists.n_bytes() + (self.ended.capacity() + self.records.capacity()) * size_of::<Record>()
    }

    /// Schedules a slot that has no record. Returns the generation of its record.
    #[inline]
    pub(super) fn schedule(&mut self, slot: u32, deadline: u64, entries: &impl Entries) -> u32 {
        if self.lists.are_mostly_stale() {
            self.compact(entries);
        }
        let generation = self.next_generation();
        self.enqueue(deadline, Record { slot, generation });
        generation
    }

    /// Queues a slot that has no record as the newest that has ended. Returns the generation of its record.
    #[inline]
    pub(super) fn end(&mut self, slot: u32, entries: &impl Entries) -> u32 {
        if self.ended.len() > 2 * self.n_ended + BATCH {
            self.ended.retain(|record| entries.deadline(*record).is_some());
        }
        let generation = self.next_generation() | ENDED;
        self.ended.push_back(Record { slot, generation });
        self.n_ended += 1;
        generation
    }

    #[cfg(test)]
    pub(super) fn n_overflow(&self) -> usize {
        self.overflow.len()
    }

    /// Blocks of records, in use or not.
    #[cfg(test)]
    pub(super) fn n_blocks(&self) -> usize {
        self.lists.n_blocks()
    }

    /// Cancels the record of a slot, given its deadline and generation: the slot must have another one from now on, or none.
    #[inline(always)]
    pub(super) fn cancel(&mut self, slot: u32, deadline: u64, generation: u32) {
        if generation == NO_RECORD {
            return;
        }
        if generation & ENDED != 0 {
            self.n_ended = self.n_ended.saturating_sub(1);
            return;
        }
        match self.list_of(deadline) {
            Some(list) if !self.lists.cancel(list) => {}
            list => self.cancel_last(list, deadline, generation, slot),
        }
    }

    /// The rare cases of [`cancel`](Self::cancel): the record was the last live one of its list, or in the overflow.
    #[inline(never)]
    fn cancel_last(&mut self, list: Option<u32>, deadline: u64, generation: u32, slot: u32) {
        match list {
            Some(list) => self.mark_empty(list),
            None => _ = self.overflow.remove(&(deadline, generation, slot)),
        }
    }

    /// Removes the oldest record of the ended entries, which may be stale. If it is not, the slot still has its generation.
    #[inline]
    pub(super) fn pop_ended(&mut self) -> Option<Record> {
        self.ended.pop_front()
    }

    /// Records of the ended entries, oldest first, stale ones included.
    pub(super) fn first_ended(&self) -> impl Iterator<Item = &Record> {
        self.ended.iter()
    }

    /// Removes the record of the next slot whose deadline is `now` or earlier, and returns the slot, which has no record then.
    pub(super) fn pop_due(&mut self, now: u64, entries: &impl Entries) -> Option<u32> {
        if self.lists.is_empty(DUE) {
            self.advance(now, entries);
        }
        while !self.lists.is_empty(DUE) {
            let record = self.lists.pop(DUE)?;
            // Generations repeat after 2³¹ records. A stale record that is taken for live must not fire early even then.
            if entries.deadline(record).is_some_and(|deadline| deadline <= self.elapsed) {
                self.lists.cancel(DUE);
                return Some(record.slot);
            }
        }
        None
    }

    /// The earliest time at which something may be due: exact in the fine level, the start of the tick in the coarse one.
    pub(super) fn next_wakeup(&self) -> Option<u64> {
        if !self.lists.is_empty(DUE) {
            return Some(self.elapsed);
        }
        let near = self.next_fine().or_else(|| self.next_coarse().map(|tick| tick << FINE_BITS));
        near.or_else(|| self.overflow.first().map(|(deadline, ..)| *deadline))
    }

    /// Advances the wheel if it lags, so that new deadlines are within its range.
    pub(super) fn follow(&mut self, now: u64, entries: &impl Entries) {
        if now.saturating_sub(self.elapsed) >= BEHIND_MS {
            self.advance(now, entries);
        }
    }

    /// Advances the wheel until something is due, or to `now`. What becomes due goes to the list `DUE`.
    fn advance(&mut self, now: u64, entries: &impl Entries) {
        while self.lists.is_empty(DUE) {
            self.admit_overflow();
            if let Some(at) = self.next_fine() {
                if at > now {
                    break;
                }
                self.elapsed = at;
                let list = (at % u64::from(FINE)) as u32;
                self.mark_empty(list);
                self.lists.splice(list, DUE);
            } else if let Some(tick) = self.next_coarse() {
                if tick << FINE_BITS > now {
                    break;
                }
                self.elapsed = tick << FINE_BITS;
                let list = FIRST_COARSE + ring_position(tick);
                self.mark_empty(list);
                self.drain(list, entries, |wheel, deadline, record| wheel.enqueue(deadline, record));
            } else if let Some((deadline, ..)) = self.overflow.first().filter(|(deadline, ..)| *deadline <= now) {
                self.elapsed = deadline >> FINE_BITS << FINE_BITS;
            } else {
                break;
            }
        }
        if self.lists.is_empty(DUE) {
            self.elapsed = self.elapsed.max(now);
        }
        self.admit_overflow();
    }

    /// Moves deadlines that are within the ring's range by now from the overflow to the ring.
    fn admit_overflow(&mut self) {
        while let Some((deadline, generation, slot)) = self.overflow.first().copied()
            && self.list_of(deadline).is_some()
        {
            self.overflow.pop_first();
            self.enqueue(deadline, Record { slot, generation });
        }
    }

    /// Empties a list, and calls `each` with the deadline of each live record, in order.
    fn drain(&mut self, list: u32, entries: &impl Entries, mut each: impl FnMut(&mut Self, u64, Record)) {
        let mut records = std::mem::take(&mut self.records);
        let mut taken = self.lists.take(list);
        loop {
            records.clear();
            // Most entries were answered and removed long ago: their slots need not be fetched.
            let is_occupied = |record: &&Record| entries.is_occupied(record.slot);
            while records.len() < BATCH && self.lists.read(&mut taken, &mut records, is_occupied) {}
            if records.is_empty() {
                break;
            }
            records.iter().for_each(|record| entries.prefetch(record.slot));
            for record in &records {
                if let Some(deadline) = entries.deadline(*record) {
                    each(self, deadline, *record);
                    entries.prefetch_index(record.slot);
                }
            }
        }
        self.records = records;
    }

    /// Removes the stale records of the next list that is worth it.
    #[cold]
    fn compact(&mut self, entries: &impl Entries) {
        let mut lists = (self.next_compacted..LISTS).chain(0..self.next_compacted);
        if let Some(list) = lists.find(|list| self.lists.is_mostly_stale(*list)) {
            self.next_compacted = (list + 1) % LISTS;
            self.drain(list, entries, |wheel, _, record| _ = wheel.lists.push(list, record));
        }
    }

    fn enqueue(&mut self, deadline: u64, record: Record) {
        match self.list_of(deadline) {
            Some(list) => {
                if self.lists.push(list, record) {
                    self.mark_occupied(list);
                }
            }
            None => {
                self.overflow.insert((deadline, record.generation, record.slot));
            }
        }
    }

    /// Even, to leave the bit `ENDED` free, and never `NO_RECORD`.
    #[inline]
    fn next_generation(&mut self) -> u32 {
        self.generation = self.generation.wrapping_add(2).max(2);
        self.generation
    }

    /// The first millisecond of the current tick that has a record.
    fn next_fine(&self) -> Option<u64> {
        let start = self.elapsed >> FINE_BITS << FINE_BITS;
        (self.fine != 0).then(|| start + u64::from(self.fine.trailing_zeros()))
    }

    /// The first tick that has a record.
    fn next_coarse(&self) -> Option<u64> {
        let now = self.elapsed >> FINE_BITS;
        let first = ring_position(now);
        let word = (first / 64) as usize;
        // In the order of the ring: the rest of this word, the other words, the beginning of this word.
        let here = self.coarse[word];
        let rest = here & (u64::MAX << (first % 64));
        let position = if rest != 0 {
            word as u32 * 64 + rest.trailing_zeros()
        } else {
            let others = (self.coarse_words & !(1 << word)).rotate_right(word as u32);
            if others != 0 {
                let word = (word + others.trailing_zeros() as usize) % 64;
                word as u32 * 64 + self.coarse[word].trailing_zeros()
            } else if here != 0 {
                word as u32 * 64 + here.trailing_zeros()
            } else {
                return None;
            }
        };
        Some(now + u64::from(position.wrapping_sub(first) % COARSE))
    }

    /// The list of a deadline; `None` if it is beyond the ring.
    #[inline]
    fn list_of(&self, deadline: u64) -> Option<u32> {
        if deadline <= self.elapsed {
            return Some(DUE);
        }
        let tick = deadline >> FINE_BITS;
        match tick - (self.elapsed >> FINE_BITS) {
            0 => Some((deadline % u64::from(FINE)) as u32),
            ahead if ahead < u64::from(COARSE) => Some(FIRST_COARSE + ring_position(tick)),
            _ => None,
        }
    }

    /// Sets the bit of a list.
    #[inline]
    fn mark_occupied(&mut self, list: u32) {
        if list < FIRST_COARSE {
            self.fine |= 1 << list;
        } else if list < DUE {
            let position = list - FIRST_COARSE;
            let word = (position / 64) as usize;
            self.coarse[word] |= 1 << (position % 64);
            self.coarse_words |= 1 << word;
        }
    }

    /// Clears the bit of a list.
    fn mark_empty(&mut self, list: u32) {
        if list < FIRST_COARSE {
            self.fine &= !(1 << list);
        } else if list < DUE {
            let position = list - FIRST_COARSE;
            let word = (position / 64) as usize;
            self.coarse[word] &= !(1 << (position % 64));
            if self.coarse[word] == 0 {
                self.coarse_words &= !(1 << word);
            }
        }
    }
}

/// The position of a tick in the ring.
fn ring_position(tick: u64) -> u32 {
    (tick % u64::from(COARSE)) as u32
}

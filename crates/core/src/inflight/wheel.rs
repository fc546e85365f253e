//! A timing wheel of records: what is due when, and what has ended in which order.
//!
//! A ring of coarse slots of 128 ms reaches nine minutes ahead, further than any timeout of the protocol; what lies
//! beyond waits in a sorted set until the ring reaches it. As `elapsed` enters a coarse slot, its list is dealt out to
//! fine slots of one millisecond, in order: equal deadlines keep theirs. That is the only time at which what is in the
//! ring moves, and only one slot's records at a time.
//!
//! An entry does not know where its record is, and nothing is taken out of the middle of a list: the entry is given another
//! stamp, or none, and the record is void. Where more is void than not, one list after the other is cleared of it.

use std::collections::{BTreeSet, VecDeque};

use super::lists::{Lists, Record};

const FINE_BITS: u32 = 7;
const FINE: u32 = 1 << FINE_BITS;
const COARSE: u32 = 4_096;
/// So far the ring may stay behind the time, in milliseconds: a quarter of its reach.
const BEHIND_MS: u64 = ((COARSE / 4) << FINE_BITS) as u64;
/// How far ahead equal deadlines are sure to keep their order, in milliseconds.
#[cfg(test)]
pub(super) const HORIZON_MS: u64 = ((COARSE - 1) << FINE_BITS) as u64;

/// Lists: of the fine slots, the coarse ones, what is due.
const FIRST_COARSE: u32 = FINE;
const DUE: u32 = FINE + COARSE;
const LISTS: u32 = DUE + 1;
/// So many records at least are read together, so that memory is waited for once for all of them.
const TOGETHER: usize = 32;
/// The stamp of an entry that waits for nothing and has not ended.
pub(super) const NO_STAMP: u32 = 0;
/// Set in stamps of what has ended.
const HAS_ENDED: u32 = 1;

/// Whoever has the entries.
pub(super) trait Entries {
    /// The deadline of the record's entry; `None` if the record is void.
    fn deadline(&self, record: Record) -> Option<u64>;
    /// Whether there is such an entry at all: as good as nothing to ask, beside a look at the entry.
    fn is_there(&self, entry: u32) -> bool;
    /// Has memory fetch the entry.
    fn prefetch(&self, entry: u32);
    /// Has memory fetch what else is needed to take the entry out, which is at hand.
    fn prefetch_index(&self, entry: u32);
}

#[derive(Debug)]
pub(super) struct Wheel {
    elapsed: u64,
    stamp: u32,
    lists: Lists,
    /// What has ended, and how many records of that are not void.
    ended: VecDeque<Record>,
    n_ended: usize,
    /// Which slots hold something.
    fine: u128,
    coarse: [u64; COARSE as usize / 64],
    /// Which words of `coarse` are not 0.
    words: u64,
    /// Deadlines beyond the ring, and whose they are.
    far: BTreeSet<(u64, u32, u32)>,
    /// The list to be cleared next of what is void.
    sweep: u32,
    /// Room for records that are being read.
    records: Vec<Record>,
}

impl Wheel {
    pub(super) fn new() -> Self {
        Self {
            elapsed: 0,
            stamp: NO_STAMP,
            lists: Lists::new(LISTS),
            ended: VecDeque::new(),
            n_ended: 0,
            fine: 0,
            coarse: [0; COARSE as usize / 64],
            words: 0,
            far: BTreeSet::new(),
            sweep: 0,
            records: Vec::new(),
        }
    }

    /// How much memory it takes, in bytes, but for the few deadlines beyond the ring.
    pub(super) fn n_bytes(&self) -> usize {
        self.lists.n_bytes() + (self.ended.capacity() + self.records.capacity()) * size_of::<Record>()
    }

    /// Notes when an entry is due that waits for nothing. It has the stamp from now on.
    #[inline]
    pub(super) fn schedule(&mut self, entry: u32, deadline: u64, entries: &impl Entries) -> u32 {
        if self.lists.are_mostly_void() {
            self.sweep(entries);
        }
        let stamp = self.next_stamp();
        self.put(deadline, Record { entry, stamp });
        stamp
    }

    /// Notes that an entry that waits for nothing is the next to have ended. It has the stamp from now on.
    #[inline]
    pub(super) fn end(&mut self, entry: u32, entries: &impl Entries) -> u32 {
        if self.ended.len() > 2 * self.n_ended + TOGETHER {
            self.ended.retain(|record| entries.deadline(*record).is_some());
        }
        let stamp = self.next_stamp() | HAS_ENDED;
        self.ended.push_back(Record { entry, stamp });
        self.n_ended += 1;
        stamp
    }

    #[cfg(test)]
    pub(super) fn far(&self) -> usize {
        self.far.len()
    }

    /// Blocks of records, in use or not.
    #[cfg(test)]
    pub(super) fn n_blocks(&self) -> usize {
        self.lists.n_blocks()
    }

    /// Notes that an entry of this deadline and stamp has the stamp no more.
    #[inline(always)]
    pub(super) fn void(&mut self, entry: u32, deadline: u64, stamp: u32) {
        if stamp == NO_STAMP {
            return;
        }
        if stamp & HAS_ENDED != 0 {
            self.n_ended = self.n_ended.saturating_sub(1);
            return;
        }
        match self.list_of(deadline) {
            Some(list) if !self.lists.void(list) => {}
            list => self.void_last(list, deadline, stamp, entry),
        }
    }

    /// What hardly any entry needs that has a stamp no more: it was the last one of its list, or beyond the ring.
    #[inline(never)]
    fn void_last(&mut self, list: Option<u32>, deadline: u64, stamp: u32, entry: u32) {
        match list {
            Some(list) => self.vacate(list),
            None => _ = self.far.remove(&(deadline, stamp, entry)),
        }
    }

    /// Takes out the record that ended first, which may be void. If it is not, the entry still has its stamp.
    #[inline]
    pub(super) fn pop_ended(&mut self) -> Option<Record> {
        self.ended.pop_front()
    }

    /// Those that ended first, void ones among them.
    pub(super) fn first_ended(&self) -> impl Iterator<Item = &Record> {
        self.ended.iter()
    }

    /// Takes out and names the next entry whose deadline is `now` or earlier. It has its stamp no more.
    pub(super) fn pop_due(&mut self, now: u64, entries: &impl Entries) -> Option<u32> {
        if self.lists.is_empty(DUE) {
            self.advance(now, entries);
        }
        while !self.lists.is_empty(DUE) {
            let record = self.lists.pop(DUE)?;
            // Stamps come again after 2³¹ of them; nothing is let come early even then.
            if entries.deadline(record).is_some_and(|deadline| deadline <= self.elapsed) {
                self.lists.void(DUE);
                return Some(record.entry);
            }
        }
        None
    }

    /// When something may come due: exact for fine slots, the start of a coarse one.
    pub(super) fn next_wakeup(&self) -> Option<u64> {
        if !self.lists.is_empty(DUE) {
            return Some(self.elapsed);
        }
        let near = self.next_fine().or_else(|| self.next_coarse().map(|window| window << FINE_BITS));
        near.or_else(|| self.far.first().map(|(deadline, ..)| *deadline))
    }

    /// Moves the ring on if it has fallen behind, so that what is scheduled next lies within its reach.
    pub(super) fn follow(&mut self, now: u64, entries: &impl Entries) {
        if now.saturating_sub(self.elapsed) >= BEHIND_MS {
            self.advance(now, entries);
        }
    }

    fn advance(&mut self, now: u64, entries: &impl Entries) {
        while self.lists.is_empty(DUE) {
            self.draw_near();
            if let Some(at) = self.next_fine() {
                if at > now {
                    break;
                }
                self.elapsed = at;
                let slot = (at % u64::from(FINE)) as u32;
                self.vacate(slot);
                self.lists.splice(slot, DUE);
            } else if let Some(window) = self.next_coarse() {
                if window << FINE_BITS > now {
                    break;
                }
                self.elapsed = window << FINE_BITS;
                let list = FIRST_COARSE + coarse_slot(window);
                self.vacate(list);
                self.read(list, entries, |wheel, deadline, record| wheel.put(deadline, record));
            } else if let Some((deadline, ..)) = self.far.first().filter(|(deadline, ..)| *deadline <= now) {
                self.elapsed = deadline >> FINE_BITS << FINE_BITS;
            } else {
                break;
            }
        }
        if self.lists.is_empty(DUE) {
            self.elapsed = self.elapsed.max(now);
        }
        self.draw_near();
    }

    /// Moves what the ring has reached into it.
    fn draw_near(&mut self) {
        while let Some((deadline, stamp, entry)) = self.far.first().copied()
            && self.list_of(deadline).is_some()
        {
            self.far.pop_first();
            self.put(deadline, Record { entry, stamp });
        }
    }

    /// Takes everything out of a list, and hands what is not void to `then`, in order.
    fn read(&mut self, list: u32, entries: &impl Entries, mut then: impl FnMut(&mut Self, u64, Record)) {
        let mut records = std::mem::take(&mut self.records);
        let mut taken = self.lists.take(list);
        loop {
            records.clear();
            // Most entries that are answered are gone by now: no use to wait for where they were.
            let is_there = |record: &&Record| entries.is_there(record.entry);
            while records.len() < TOGETHER && self.lists.read(&mut taken, &mut records, is_there) {}
            if records.is_empty() {
                break;
            }
            records.iter().for_each(|record| entries.prefetch(record.entry));
            for record in &records {
                if let Some(deadline) = entries.deadline(*record) {
                    then(self, deadline, *record);
                    entries.prefetch_index(record.entry);
                }
            }
        }
        self.records = records;
    }

    /// Clears the next list that is worth it of what is void.
    #[cold]
    fn sweep(&mut self, entries: &impl Entries) {
        let mut lists = (self.sweep..LISTS).chain(0..self.sweep);
        if let Some(list) = lists.find(|list| self.lists.is_mostly_void(*list)) {
            self.sweep = (list + 1) % LISTS;
            self.read(list, entries, |wheel, _, record| _ = wheel.lists.push(list, record));
        }
    }

    fn put(&mut self, deadline: u64, record: Record) {
        match self.list_of(deadline) {
            Some(list) => {
                if self.lists.push(list, record) {
                    self.occupy(list);
                }
            }
            None => {
                self.far.insert((deadline, record.stamp, record.entry));
            }
        }
    }

    /// Even, so that there is a bit for what has ended, and never `NO_STAMP`.
    #[inline]
    fn next_stamp(&mut self) -> u32 {
        self.stamp = self.stamp.wrapping_add(2).max(2);
        self.stamp
    }

    /// The moment of the first fine slot that holds something.
    fn next_fine(&self) -> Option<u64> {
        let window = self.elapsed >> FINE_BITS << FINE_BITS;
        (self.fine != 0).then(|| window + u64::from(self.fine.trailing_zeros()))
    }

    /// The window of the first coarse slot that holds something.
    fn next_coarse(&self) -> Option<u64> {
        let now = self.elapsed >> FINE_BITS;
        let first = coarse_slot(now);
        let word = (first / 64) as usize;
        // In ring order: the rest of this word, the other words, the beginning of this word.
        let here = self.coarse[word];
        let rest = here & (u64::MAX << (first % 64));
        let slot = if rest != 0 {
            word as u32 * 64 + rest.trailing_zeros()
        } else {
            let others = (self.words & !(1 << word)).rotate_right(word as u32);
            if others != 0 {
                let word = (word + others.trailing_zeros() as usize) % 64;
                word as u32 * 64 + self.coarse[word].trailing_zeros()
            } else if here != 0 {
                word as u32 * 64 + here.trailing_zeros()
            } else {
                return None;
            }
        };
        Some(now + u64::from(slot.wrapping_sub(first) % COARSE))
    }

    /// The list of this deadline. `None` if it lies beyond the ring.
    #[inline]
    fn list_of(&self, deadline: u64) -> Option<u32> {
        if deadline <= self.elapsed {
            return Some(DUE);
        }
        let window = deadline >> FINE_BITS;
        match window - (self.elapsed >> FINE_BITS) {
            0 => Some((deadline % u64::from(FINE)) as u32),
            ahead if ahead < u64::from(COARSE) => Some(FIRST_COARSE + coarse_slot(window)),
            _ => None,
        }
    }

    /// Notes that a slot's list holds something.
    #[inline]
    fn occupy(&mut self, list: u32) {
        if list < FIRST_COARSE {
            self.fine |= 1 << list;
        } else if list < DUE {
            let slot = list - FIRST_COARSE;
            let word = (slot / 64) as usize;
            self.coarse[word] |= 1 << (slot % 64);
            self.words |= 1 << word;
        }
    }

    /// Notes that a slot's list is empty.
    fn vacate(&mut self, list: u32) {
        if list < FIRST_COARSE {
            self.fine &= !(1 << list);
        } else if list < DUE {
            let slot = list - FIRST_COARSE;
            let word = (slot / 64) as usize;
            self.coarse[word] &= !(1 << (slot % 64));
            if self.coarse[word] == 0 {
                self.words &= !(1 << word);
            }
        }
    }
}

fn coarse_slot(window: u64) -> u32 {
    (window % u64::from(COARSE)) as u32
}

//! A hierarchical timing wheel whose lists run through the entries themselves.
//!
//! Eleven levels of 64 slots cover all of `u64` milliseconds, one millisecond per slot at the bottom.
//! An entry sits at the level of the highest base-64 digit in which its deadline differs from `elapsed`,
//! so the lowest occupied level always holds the next deadline, and its lowest occupied slot comes first.
//! As `elapsed` enters a slot above the bottom, the slot's list moves down in order: equal deadlines keep their order.

const LEVELS: usize = 11;
const SLOTS: usize = 64;
const BITS: u32 = SLOTS.trailing_zeros();
/// The list of entries whose deadline has come, behind all slots.
const DUE: usize = LEVELS * SLOTS;
const UNLINKED: u16 = u16::MAX;
/// No entry.
pub(super) const NONE: u32 = u32::MAX;

/// What an entry carries to be in a list.
#[derive(Debug, Clone, Copy)]
pub(super) struct Links {
    deadline: u64,
    next: u32,
    previous: u32,
    list: u16,
}

impl Links {
    pub(super) const UNLINKED: Self = Self { deadline: 0, next: NONE, previous: NONE, list: UNLINKED };
}

/// Where the entries live.
pub(super) trait Linked {
    fn links(&mut self, index: u32) -> Option<&mut Links>;
}

#[derive(Debug)]
pub(super) struct Wheel {
    elapsed: u64,
    occupied: [u64; LEVELS],
    lists: Box<[List]>,
}

#[derive(Debug, Clone, Copy)]
struct List {
    head: u32,
    tail: u32,
}

const EMPTY: List = List { head: NONE, tail: NONE };

impl Wheel {
    pub(super) fn new() -> Self {
        Self { elapsed: 0, occupied: [0; LEVELS], lists: vec![EMPTY; DUE + 1].into_boxed_slice() }
    }

    /// Puts an unlinked entry into the list of its deadline.
    pub(super) fn link(&mut self, entries: &mut impl Linked, index: u32, deadline: u64) {
        let list = self.list_of(deadline);
        if let Some(links) = entries.links(index) {
            links.deadline = deadline;
            self.append(entries, index, list);
        }
    }

    /// Takes an entry out of its list, if it is in one.
    pub(super) fn unlink(&mut self, entries: &mut impl Linked, index: u32) {
        let Some(links) = entries.links(index) else { return };
        let Links { next, previous, list, .. } = *links;
        if list == UNLINKED {
            return;
        }
        (links.next, links.previous, links.list) = (NONE, NONE, UNLINKED);
        let list = usize::from(list);
        match entries.links(previous) {
            Some(links) => links.next = next,
            None => self.lists[list].head = next,
        }
        match entries.links(next) {
            Some(links) => links.previous = previous,
            None => self.lists[list].tail = previous,
        }
        if self.lists[list].head == NONE && list != DUE {
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
        }
    }

    /// Unlinks and names the next entry whose deadline is `now` or earlier.
    pub(super) fn pop_due(&mut self, entries: &mut impl Linked, now: u64) -> Option<u32> {
        if self.lists[DUE].head == NONE {
            self.advance(entries, now);
        }
        let index = self.lists[DUE].head;
        (index != NONE).then(|| {
            self.unlink(entries, index);
            index
        })
    }

    /// When something may come due: exact at the bottom level, the start of the slot above it.
    pub(super) fn next_wakeup(&self) -> Option<u64> {
        if self.lists[DUE].head == NONE { self.next_slot().map(|(_, start)| start) } else { Some(self.elapsed) }
    }

    fn advance(&mut self, entries: &mut impl Linked, now: u64) {
        while let Some((list, start)) = self.next_slot().filter(|(_, start)| *start <= now) {
            self.elapsed = start;
            let mut index = std::mem::replace(&mut self.lists[list], EMPTY).head;
            self.occupied[list / SLOTS] &= !(1 << (list % SLOTS));
            while let Some(links) = entries.links(index) {
                let (next, deadline) = (links.next, links.deadline);
                let target = self.list_of(deadline);
                self.append(entries, index, target);
                index = next;
            }
            if self.lists[DUE].head != NONE {
                // One slot at a time: what is taken out of the table meanwhile is never visited.
                return;
            }
        }
        self.elapsed = self.elapsed.max(now);
    }

    /// The first occupied slot and the moment at which it starts.
    fn next_slot(&self) -> Option<(usize, u64)> {
        let level = self.occupied.iter().position(|slots| *slots != 0)?;
        let slot = self.occupied[level].trailing_zeros();
        let shift = BITS * level as u32;
        // The top level has only four bits left: its digits above the slot are none.
        let above = self.elapsed.checked_shr(shift + BITS).unwrap_or(0);
        let start = above.checked_shl(shift + BITS).unwrap_or(0) | (u64::from(slot) << shift);
        Some((level * SLOTS + slot as usize, start))
    }

    fn list_of(&self, deadline: u64) -> usize {
        if deadline <= self.elapsed {
            return DUE;
        }
        let level = (63 - (deadline ^ self.elapsed).leading_zeros()) / BITS;
        let slot = (deadline >> (BITS * level)) % SLOTS as u64;
        level as usize * SLOTS + slot as usize
    }

    fn append(&mut self, entries: &mut impl Linked, index: u32, list: usize) {
        let tail = std::mem::replace(&mut self.lists[list].tail, index);
        if let Some(links) = entries.links(index) {
            (links.next, links.previous, links.list) = (NONE, tail, list as u16);
        }
        match entries.links(tail) {
            Some(links) => links.next = index,
            None => self.lists[list].head = index,
        }
        if list != DUE {
            self.occupied[list / SLOTS] |= 1 << (list % SLOTS);
        }
    }
}

//! Queues of records (appended at the back, read from the front) in linked blocks of one cache line.
//!
//! Deletion is lazy: a stale record stays in its list until the list is read. [`Lists::cancel`] only counts it, and frees the whole
//! list when no live record is left. All lists share one pool of blocks.

use setpoint_prefetch::prefetch;

use super::chunks::Chunks;

/// Records of one block: with its header they fill a cache line.
const BLOCK: usize = 7;
/// Blocks of one allocation.
const CHUNK: usize = 1_024;
/// The index of no block.
const NONE: u32 = u32::MAX;

/// Slot number and generation; stale if the slot has a live record of another generation, or none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

#[derive(Debug, Clone)]
#[repr(align(64))]
struct Block {
    records: [Record; BLOCK],
    /// The next block of the list, from the last one the first; of a free block, the next free one.
    next: u32,
    /// The records in use are those of `start..end`.
    start: u16,
    end: u16,
}

#[derive(Debug, Clone, Copy)]
struct List {
    /// The last block, which leads to the first; `NONE` if there is none.
    last: u32,
    /// Records that are not stale.
    live: u32,
    /// Length in blocks.
    blocks: u32,
}

const EMPTY: List = List { last: NONE, live: 0, blocks: 0 };

/// All lists of a wheel.
#[derive(Debug)]
pub(super) struct Lists {
    lists: Vec<List>,
    blocks: Chunks<Block, CHUNK>,
    /// The first block of the list of free ones.
    free: u32,
    /// Blocks in use.
    used: usize,
    /// Records that are not stale, of all lists.
    live: usize,
}

/// The blocks of a list that was [taken](Lists::take), to be read.
#[derive(Debug)]
pub(super) struct Taken {
    block: u32,
    last: u32,
}

impl Lists {
    pub(super) fn new(lists: u32) -> Self {
        Self { lists: vec![EMPTY; lists as usize], blocks: Chunks::new(), free: NONE, used: 0, live: 0 }
    }

    /// Whether the list has no live record.
    #[inline]
    pub(super) fn is_empty(&self, list: u32) -> bool {
        self.lists.get(list as usize).is_none_or(|list| list.live == 0)
    }

    /// Whether more than three in five records of all lists are stale, with one block for each list to spare.
    #[inline]
    pub(super) fn are_mostly_stale(&self) -> bool {
        self.used * BLOCK > self.live * 5 / 2 + self.lists.len() * BLOCK
    }

    /// The same of one list. If it holds of all together, it holds of at least one.
    pub(super) fn is_mostly_stale(&self, list: u32) -> bool {
        let list = self.lists.get(list as usize);
        list.is_some_and(|list| list.blocks as usize * BLOCK > list.live as usize * 5 / 2 + BLOCK)
    }

    /// Allocated memory in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.lists.capacity() * size_of::<List>() + self.blocks.n_bytes()
    }

    /// Blocks, in use or not.
    #[cfg(test)]
    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Appends a live record; `true` if it is the only one of the list.
    #[inline]
    pub(super) fn push(&mut self, list: u32, record: Record) -> bool {
        let Some(head) = self.lists.get_mut(list as usize) else { return false };
        let is_first = head.live == 0;
        head.live += 1;
        self.live += 1;
        if let Some(block) = self.blocks.get_mut(head.last)
            && let Some(room) = block.records.get_mut(usize::from(block.end))
        {
            *room = record;
            block.end += 1;
        } else {
            self.push_block(list, record);
        }
        is_first
    }

    fn push_block(&mut self, list: u32, record: Record) {
        let Some(last) = self.lists.get(list as usize).map(|list| list.last) else { return };
        let mut block = Block { records: [record; BLOCK], next: NONE, start: 0, end: 1 };
        let new = if self.free == NONE { self.blocks.len() as u32 } else { self.free };
        block.next = self.blocks.get_mut(last).map_or(new, |last| std::mem::replace(&mut last.next, new));
        match self.blocks.get_mut(self.free) {
            Some(room) => self.free = std::mem::replace(room, block).next,
            None => self.blocks.push(block),
        }
        self.used += 1;
        // It is allocated next, and was freed long ago: probably it is not in the cache.
        if let Some(block) = self.blocks.get(self.free) {
            prefetch(block);
        }
        if let Some(list) = self.lists.get_mut(list as usize) {
            list.last = new;
            list.blocks += 1;
        }
    }

    /// Notes that a live record of the list has become stale, or was live and has been popped. `true` if the list has no live one
    /// now: it is emptied then.
    #[inline]
    pub(super) fn cancel(&mut self, list: u32) -> bool {
        let Some(head) = self.lists.get_mut(list as usize) else { return false };
        head.live = head.live.saturating_sub(1);
        self.live = self.live.saturating_sub(1);
        if head.live > 0 {
            return false;
        }
        self.clear(list);
        true
    }

    /// Removes the first record, which may be stale. If it is live, [`cancel`](Self::cancel) has to be called for it.
    pub(super) fn pop(&mut self, list: u32) -> Option<Record> {
        let head = self.lists.get_mut(list as usize)?;
        let last = head.last;
        let first = self.blocks.get(last)?.next;
        let block = self.blocks.get_mut(first)?;
        let record = block.records.get(usize::from(block.start)).copied()?;
        block.start += 1;
        if block.start == block.end {
            let next = std::mem::replace(&mut block.next, self.free);
            (self.free, self.used) = (first, self.used - 1);
            head.blocks -= 1;
            if first == last {
                head.last = NONE;
            } else if let Some(last) = self.blocks.get_mut(last) {
                last.next = next;
            }
        }
        Some(record)
    }

    /// Empties the list; the caller [reads](Self::read) what was in it, and pushes live records again.
    pub(super) fn take(&mut self, list: u32) -> Taken {
        let Some(head) = self.lists.get_mut(list as usize) else { return Taken { block: NONE, last: NONE } };
        let List { last, live, .. } = std::mem::replace(head, EMPTY);
        self.live -= live as usize;
        Taken { block: self.blocks.get(last).map_or(NONE, |last| last.next), last }
    }

    /// Appends to `records` those of the next block that are wanted, and frees the block. `false` if there is none.
    pub(super) fn read(
        &mut self,
        taken: &mut Taken,
        records: &mut Vec<Record>,
        is_wanted: impl Fn(&&Record) -> bool,
    ) -> bool {
        let Some(block) = self.blocks.get_mut(taken.block) else { return false };
        let held = block.records.get(block.start.into()..block.end.into()).unwrap_or_default();
        records.extend(held.iter().filter(is_wanted));
        let next = std::mem::replace(&mut block.next, self.free);
        (self.free, self.used) = (taken.block, self.used - 1);
        taken.block = if taken.block == taken.last { NONE } else { next };
        true
    }

    /// Appends list `from` to list `to`, and empties it.
    pub(super) fn splice(&mut self, from: u32, to: u32) {
        let Some(moved) = self.lists.get_mut(from as usize) else { return };
        let List { last, live, blocks } = std::mem::replace(moved, EMPTY);
        let Some(head) = self.lists.get_mut(to as usize) else { return };
        head.live += live;
        head.blocks += blocks;
        if last == NONE {
            return;
        }
        let before = std::mem::replace(&mut head.last, last);
        let Some(first) = self.blocks.get(last).map(|last| last.next) else { return };
        if let Some(before) = self.blocks.get_mut(before) {
            let start = std::mem::replace(&mut before.next, first);
            if let Some(last) = self.blocks.get_mut(last) {
                last.next = start;
            }
        }
    }

    /// Frees all blocks of the list.
    #[inline(never)]
    fn clear(&mut self, list: u32) {
        let Some(head) = self.lists.get_mut(list as usize) else { return };
        let List { last, live, blocks } = std::mem::replace(head, EMPTY);
        if let Some(last) = self.blocks.get_mut(last) {
            self.free = std::mem::replace(&mut last.next, self.free);
            self.used -= blocks as usize;
        }
        self.live -= live as usize;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Push(u32),
        Pop(u32),
        Splice(u32, u32),
        Reread(u32),
        CancelAll(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let list = 0..3u32;
        prop_oneof![
            20 => list.clone().prop_map(Step::Push),
            8 => list.clone().prop_map(Step::Pop),
            1 => (list.clone(), list.clone()).prop_map(|(from, to)| Step::Splice(from, to)),
            1 => list.clone().prop_map(Step::Reread),
            1 => list.prop_map(Step::CancelAll),
        ]
    }

    proptest! {
        #[test]
        fn behave_like_queues(steps in proptest::collection::vec(step(), 1..400)) {
            let mut lists = Lists::new(3);
            let mut model: [VecDeque<Record>; 3] = Default::default();
            for (n, step) in steps.into_iter().enumerate() {
                match step {
                    Step::Push(list) => {
                        let record = Record { slot: n as u32, generation: list };
                        prop_assert_eq!(lists.push(list, record), model[list as usize].is_empty());
                        model[list as usize].push_back(record);
                    }
                    Step::Pop(list) => {
                        let popped = lists.pop(list);
                        prop_assert_eq!(popped, model[list as usize].pop_front());
                        if popped.is_some() {
                            prop_assert_eq!(lists.cancel(list), model[list as usize].is_empty());
                        }
                    }
                    Step::Splice(from, to) => if from != to {
                        lists.splice(from, to);
                        let moved = std::mem::take(&mut model[from as usize]);
                        model[to as usize].extend(moved);
                    },
                    Step::Reread(list) => {
                        let (mut taken, mut records) = (lists.take(list), Vec::new());
                        prop_assert!(lists.is_empty(list));
                        while lists.read(&mut taken, &mut records, |_| true) {}
                        prop_assert_eq!(&records, &Vec::from(model[list as usize].clone()));
                        records.into_iter().for_each(|record| _ = lists.push(list, record));
                    }
                    Step::CancelAll(list) => {
                        let count = std::mem::take(&mut model[list as usize]).len();
                        for n in 1..=count {
                            prop_assert_eq!(lists.cancel(list), n == count);
                        }
                    }
                }
                for (list, model) in model.iter().enumerate() {
                    prop_assert_eq!(lists.is_empty(list as u32), model.is_empty());
                }
            }
            let total: usize = model.iter().map(VecDeque::len).sum();
            prop_assert_eq!(lists.live, total);
            for (list, model) in model.iter_mut().enumerate() {
                while let Some(record) = model.pop_front() {
                    prop_assert_eq!(lists.pop(list as u32), Some(record));
                    lists.cancel(list as u32);
                }
            }
            prop_assert_eq!((lists.used, lists.live), (0, 0));
        }
    }
}

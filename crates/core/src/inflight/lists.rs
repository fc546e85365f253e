//! Lists of records that are only ever appended to and read from the front, in blocks of one line of the cache.
//!
//! A record that has become void stays where it is until its list is read: whoever voids one says so, for the list to be
//! let go at once when nothing in it counts any more. Blocks go from list to list, so lists cost what they hold.

use setpoint_prefetch::prefetch;

use super::chunks::Chunks;

/// Records of one block.
const BLOCK: usize = 7;
/// Blocks that are allocated together.
const CHUNK: usize = 1_024;
/// No block.
const NONE: u32 = u32::MAX;

/// An entry, and which of its doings is meant: void if that is not its newest.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Record {
    pub(super) entry: u32,
    pub(super) stamp: u32,
}

#[derive(Debug, Clone)]
#[repr(align(64))]
struct Block {
    records: [Record; BLOCK],
    /// The one behind; behind the last of a list comes the first again.
    next: u32,
    start: u16,
    end: u16,
}

#[derive(Debug, Clone, Copy)]
struct List {
    last: u32,
    /// How many records are not void.
    live: u32,
    blocks: u32,
}

const EMPTY: List = List { last: NONE, live: 0, blocks: 0 };

/// All lists of a wheel.
#[derive(Debug)]
pub(super) struct Lists {
    lists: Vec<List>,
    blocks: Chunks<Block, CHUNK>,
    /// Free blocks, the first of them; behind the last comes none.
    free: u32,
    /// Blocks in use.
    used: usize,
    /// Records that are not void.
    live: usize,
}

/// Blocks that were a list, to be read.
#[derive(Debug)]
pub(super) struct Taken {
    block: u32,
    last: u32,
}

impl Lists {
    pub(super) fn new(lists: u32) -> Self {
        Self { lists: vec![EMPTY; lists as usize], blocks: Chunks::new(), free: NONE, used: 0, live: 0 }
    }

    /// Whether nothing in it counts.
    #[inline]
    pub(super) fn is_empty(&self, list: u32) -> bool {
        self.lists.get(list as usize).is_none_or(|list| list.live == 0)
    }

    /// Whether more of what is kept is void than not. Blocks that are not full and a few records more are no matter.
    #[inline]
    pub(super) fn are_mostly_void(&self) -> bool {
        self.used * BLOCK > self.live * 5 / 2 + self.lists.len() * BLOCK
    }

    /// The same of one list. If it is so of all together, it is so of one at least.
    pub(super) fn is_mostly_void(&self, list: u32) -> bool {
        let list = self.lists.get(list as usize);
        list.is_some_and(|list| list.blocks as usize * BLOCK > list.live as usize * 5 / 2 + BLOCK)
    }

    /// How much memory they take, in bytes.
    pub(super) fn n_bytes(&self) -> usize {
        self.lists.capacity() * size_of::<List>() + self.blocks.n_bytes()
    }

    /// Blocks, in use or not.
    #[cfg(test)]
    pub(super) fn n_blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Appends a record, and says whether it is the first that counts.
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
        // The next one is needed soon, and was let go long ago.
        if let Some(block) = self.blocks.get(self.free) {
            prefetch(block);
        }
        if let Some(list) = self.lists.get_mut(list as usize) {
            list.last = new;
            list.blocks += 1;
        }
    }

    /// Notes that one of the list's records, in it or just taken out, does not count any more, and whether none does now.
    #[inline]
    pub(super) fn void(&mut self, list: u32) -> bool {
        let Some(head) = self.lists.get_mut(list as usize) else { return false };
        head.live = head.live.saturating_sub(1);
        self.live = self.live.saturating_sub(1);
        if head.live > 0 {
            return false;
        }
        self.clear(list);
        true
    }

    /// The first record, which may be void.
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

    /// Takes everything out; whoever takes it pushes again what counts.
    pub(super) fn take(&mut self, list: u32) -> Taken {
        let Some(head) = self.lists.get_mut(list as usize) else { return Taken { block: NONE, last: NONE } };
        let List { last, live, .. } = std::mem::replace(head, EMPTY);
        self.live -= live as usize;
        Taken { block: self.blocks.get(last).map_or(NONE, |last| last.next), last }
    }

    /// Appends those of the records of the next block that are wanted. The block is free then. `false` if there is none.
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

    /// Moves a whole list behind another one.
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

    /// Frees everything in it.
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
        VoidAll(u32),
    }

    fn step() -> impl Strategy<Value = Step> {
        let list = 0..3u32;
        prop_oneof![
            20 => list.clone().prop_map(Step::Push),
            8 => list.clone().prop_map(Step::Pop),
            1 => (list.clone(), list.clone()).prop_map(|(from, to)| Step::Splice(from, to)),
            1 => list.clone().prop_map(Step::Reread),
            1 => list.prop_map(Step::VoidAll),
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
                        let record = Record { entry: n as u32, stamp: list };
                        prop_assert_eq!(lists.push(list, record), model[list as usize].is_empty());
                        model[list as usize].push_back(record);
                    }
                    Step::Pop(list) => {
                        let popped = lists.pop(list);
                        prop_assert_eq!(popped, model[list as usize].pop_front());
                        if popped.is_some() {
                            prop_assert_eq!(lists.void(list), model[list as usize].is_empty());
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
                    Step::VoidAll(list) => {
                        let count = std::mem::take(&mut model[list as usize]).len();
                        for n in 1..=count {
                            prop_assert_eq!(lists.void(list), n == count);
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
                    lists.void(list as u32);
                }
            }
            prop_assert_eq!((lists.used, lists.live), (0, 0));
        }
    }
}

//! A timing wheel whose lists run through the entries themselves.
//!
//! A ring of coarse slots of 128 ms reaches nine minutes ahead, further than any timeout of the protocol; what lies
//! beyond waits in a sorted set until the ring reaches it. As `elapsed` enters a coarse slot, its list is dealt out to
//! fine slots of one millisecond, in order: equal deadlines keep theirs. That is the only time at which an entry of the
//! ring moves, and only one slot's entries at a time.
//!
//! Every list is a ring of nodes. Its head is a node as well, and an entry in no list is a ring by itself: to take an
//! entry out, nobody has to know in which list it is.

use std::collections::BTreeSet;

use super::chunks::Chunks;

const FINE_BITS: u32 = 7;
const FINE: u32 = 1 << FINE_BITS;
const COARSE: u32 = 4_096;
/// So far the ring may stay behind the time, in milliseconds: a quarter of its reach.
const BEHIND_MS: u64 = ((COARSE / 4) << FINE_BITS) as u64;
/// How far ahead equal deadlines are sure to keep their order, in milliseconds.
#[cfg(test)]
pub(super) const HORIZON_MS: u64 = ((COARSE - 1) << FINE_BITS) as u64;

/// Heads of lists: the fine slots, the coarse ones, what is due, what has ended.
const FIRST_COARSE: u32 = FINE;
const DUE: u32 = FINE + COARSE;
const ENDED: u32 = DUE + 1;
const HEADS: u32 = ENDED + 1;
/// No entry.
pub(super) const NONE: u32 = u32::MAX - HEADS;

#[derive(Debug)]
pub(super) struct Wheel {
    elapsed: u64,
    nodes: Chunks<Node>,
    /// Which slots hold something.
    fine: u128,
    coarse: [u64; COARSE as usize / 64],
    /// Which words of `coarse` are not 0.
    words: u64,
    /// Deadlines beyond the ring, and whose they are.
    far: BTreeSet<(u64, u32)>,
}

#[derive(Debug, Clone, Copy)]
struct Node {
    next: u32,
    previous: u32,
}

impl Wheel {
    pub(super) fn new() -> Self {
        let mut nodes = Chunks::new();
        (0..HEADS).for_each(|head| nodes.push(Node { next: head, previous: head }));
        Self { elapsed: 0, nodes, fine: 0, coarse: [0; COARSE as usize / 64], words: 0, far: BTreeSet::new() }
    }

    /// Makes a node for one more entry, in no list. Entries are numbered from 0.
    pub(super) fn add(&mut self) {
        let node = self.nodes.len() as u32;
        self.nodes.push(Node { next: node, previous: node });
    }

    /// Puts an entry that is in no list into that of its deadline.
    #[inline]
    pub(super) fn schedule(&mut self, entry: u32, deadline: u64) {
        match self.slot_of(deadline) {
            Some(head) => self.append(entry + HEADS, head),
            None => {
                self.far.insert((deadline, entry));
            }
        }
    }

    /// Puts an entry that is in no list at the end of those that have ended.
    pub(super) fn end(&mut self, entry: u32) {
        self.append(entry + HEADS, ENDED);
    }

    #[cfg(test)]
    pub(super) fn far(&self) -> usize {
        self.far.len()
    }

    /// Takes an entry, which has this deadline or none, out of its list, if it is in one.
    #[inline]
    pub(super) fn unlink(&mut self, entry: u32, deadline: u64) {
        if !self.far.is_empty() {
            self.unlink_far(entry, deadline);
        }
        self.unlink_node(entry + HEADS);
    }

    #[cold]
    fn unlink_far(&mut self, entry: u32, deadline: u64) {
        self.far.remove(&(deadline, entry));
    }

    /// Takes out the one that ended first.
    pub(super) fn pop_ended(&mut self) -> Option<u32> {
        self.pop(ENDED)
    }

    /// Names those that ended first, at most so many and as many as there is room for, and says how many.
    pub(super) fn first_ended(&self, room: &mut [u32], most: usize) -> usize {
        let (mut node, mut n) = (self.next(ENDED), 0);
        for place in room.iter_mut().take(most) {
            let Some(entry) = node.checked_sub(HEADS) else { break };
            *place = entry;
            node = self.next(node);
            n += 1;
        }
        n
    }

    /// Takes out and names the next entry whose deadline is `now` or earlier.
    pub(super) fn pop_due(&mut self, now: u64, deadline_of: impl Fn(u32) -> u64) -> Option<u32> {
        if self.is_empty(DUE) {
            self.advance(now, deadline_of);
        }
        self.pop(DUE)
    }

    /// When something may come due: exact for fine slots, the start of a coarse one.
    pub(super) fn next_wakeup(&self) -> Option<u64> {
        if !self.is_empty(DUE) {
            return Some(self.elapsed);
        }
        let near = self.next_fine().or_else(|| self.next_coarse().map(|window| window << FINE_BITS));
        near.or_else(|| self.far.first().map(|(deadline, _)| *deadline))
    }

    /// Something of the entry's node.
    #[inline]
    pub(super) fn touch(&self, entry: u32) -> u32 {
        self.next(entry.wrapping_add(HEADS))
    }

    /// Something of the nodes beside the entry's.
    #[inline]
    pub(super) fn touch_beside(&self, entry: u32) -> u32 {
        let node = self.nodes.get(entry.wrapping_add(HEADS)).copied().unwrap_or(Node { next: 0, previous: 0 });
        self.next(node.next) ^ self.next(node.previous)
    }

    /// Moves the ring on if it has fallen behind, so that what is scheduled next lies within its reach.
    pub(super) fn follow(&mut self, now: u64, deadline_of: impl Fn(u32) -> u64) {
        if now.saturating_sub(self.elapsed) >= BEHIND_MS {
            self.advance(now, deadline_of);
        }
    }

    fn advance(&mut self, now: u64, deadline_of: impl Fn(u32) -> u64) {
        while self.is_empty(DUE) {
            self.draw_near();
            if let Some(at) = self.next_fine() {
                if at > now {
                    break;
                }
                self.elapsed = at;
                let slot = (at % u64::from(FINE)) as u32;
                self.vacate(slot);
                self.splice(slot, DUE);
            } else if let Some(window) = self.next_coarse() {
                if window << FINE_BITS > now {
                    break;
                }
                self.elapsed = window << FINE_BITS;
                self.deal(coarse_slot(window), &deadline_of);
            } else if let Some((deadline, _)) = self.far.first().filter(|(deadline, _)| *deadline <= now) {
                self.elapsed = deadline >> FINE_BITS << FINE_BITS;
            } else {
                break;
            }
        }
        if self.is_empty(DUE) {
            self.elapsed = self.elapsed.max(now);
        }
        self.draw_near();
    }

    /// Moves what the ring has reached into it.
    fn draw_near(&mut self) {
        while let Some((deadline, entry)) = self.far.first().copied()
            && let Some(head) = self.slot_of(deadline)
        {
            self.far.pop_first();
            self.append(entry + HEADS, head);
        }
    }

    /// Deals a coarse slot's entries out to where they belong now.
    fn deal(&mut self, slot: u32, deadline_of: impl Fn(u32) -> u64) {
        let head = FIRST_COARSE + slot;
        self.vacate(head);
        let mut node = self.next(head);
        self.set(head, Node { next: head, previous: head });
        while node != head && node >= HEADS {
            let next = self.next(node);
            if let Some(target) = self.slot_of(deadline_of(node - HEADS)) {
                self.append(node, target);
            }
            node = next;
        }
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

    /// Notes that the slot of this deadline is in use, and names its list. `None` if it lies beyond the ring.
    #[inline]
    fn slot_of(&mut self, deadline: u64) -> Option<u32> {
        if deadline <= self.elapsed {
            return Some(DUE);
        }
        let window = deadline >> FINE_BITS;
        let ahead = window - (self.elapsed >> FINE_BITS);
        if ahead == 0 {
            let slot = (deadline % u64::from(FINE)) as u32;
            self.fine |= 1 << slot;
            return Some(slot);
        }
        if ahead >= u64::from(COARSE) {
            return None;
        }
        let slot = coarse_slot(window);
        let word = (slot / 64) as usize;
        self.coarse[word] |= 1 << (slot % 64);
        self.words |= 1 << word;
        Some(FIRST_COARSE + slot)
    }

    fn is_empty(&self, head: u32) -> bool {
        self.next(head) == head
    }

    fn pop(&mut self, head: u32) -> Option<u32> {
        let node = self.next(head);
        let entry = node.checked_sub(HEADS)?;
        self.unlink_node(node);
        Some(entry)
    }

    #[inline]
    fn unlink_node(&mut self, node: u32) {
        let Some(Node { next, previous }) =
            self.nodes.get_mut(node).map(|links| std::mem::replace(links, Node { next: node, previous: node }))
        else {
            return;
        };
        self.join(previous, next);
        // It was the only one, so both are the head.
        if next == previous && next < DUE && next != node {
            self.vacate(next);
        }
    }

    /// Notes that a slot's list is empty.
    fn vacate(&mut self, head: u32) {
        let Some(slot) = head.checked_sub(FIRST_COARSE) else {
            self.fine &= !(1 << head);
            return;
        };
        let word = (slot / 64) as usize;
        self.coarse[word] &= !(1 << (slot % 64));
        if self.coarse[word] == 0 {
            self.words &= !(1 << word);
        }
    }

    #[inline]
    fn append(&mut self, node: u32, head: u32) {
        let last = self.nodes.get(head).map_or(head, |head| head.previous);
        self.set(node, Node { next: head, previous: last });
        self.join_before(node, head);
        self.join_after(last, node);
    }

    /// Moves a whole list behind another one.
    fn splice(&mut self, from: u32, to: u32) {
        let Some(Node { next: first, previous: last }) = self.nodes.get(from).copied().filter(|node| node.next != from)
        else {
            return;
        };
        self.set(from, Node { next: from, previous: from });
        let end = self.nodes.get(to).map_or(to, |head| head.previous);
        self.join(end, first);
        self.join(last, to);
    }

    #[inline]
    fn next(&self, node: u32) -> u32 {
        self.nodes.get(node).map_or(node, |node| node.next)
    }

    #[inline]
    fn join(&mut self, previous: u32, next: u32) {
        self.join_after(previous, next);
        self.join_before(previous, next);
    }

    #[inline]
    fn join_after(&mut self, node: u32, next: u32) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.next = next;
        }
    }

    #[inline]
    fn join_before(&mut self, previous: u32, node: u32) {
        if let Some(node) = self.nodes.get_mut(node) {
            node.previous = previous;
        }
    }

    #[inline]
    fn set(&mut self, node: u32, links: Node) {
        if let Some(node) = self.nodes.get_mut(node) {
            *node = links;
        }
    }
}

fn coarse_slot(window: u64) -> u32 {
    (window % u64::from(COARSE)) as u32
}

//! What waits for an answer: a slab of entries, each with one deadline.
//!
//! Keys are guarded against reuse, and every operation costs the same with a million entries as with a thousand.

mod wheel;

use crate::Instant;
use wheel::{Links, Wheel};

/// Entries with deadlines.
#[derive(Debug)]
pub(crate) struct InFlight<V> {
    slots: Vec<Slot<V>>,
    free: Vec<u32>,
    wheel: Wheel,
}

/// Names an entry. A key outlives its entry harmlessly: it finds nothing, also when the place is taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    index: u32,
    generation: u32,
}

#[derive(Debug)]
struct Slot<V> {
    generation: u32,
    links: Links,
    value: Option<V>,
}

impl<V> InFlight<V> {
    pub(crate) fn new() -> Self {
        Self { slots: Vec::new(), free: Vec::new(), wheel: Wheel::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Adds an entry that [`pop_expired`](Self::pop_expired) will name at `deadline`, not before.
    /// `None` when 2³² entries are in: callers bound their tables long before.
    pub(crate) fn insert(&mut self, deadline: Instant, value: V) -> Option<Key> {
        let index = match self.free.pop() {
            Some(index) => index,
            None => {
                let index = u32::try_from(self.slots.len()).ok().filter(|index| *index != wheel::NONE)?;
                self.slots.push(Slot { generation: 0, links: Links::UNLINKED, value: None });
                index
            }
        };
        let slot = self.slots.get_mut(index as usize)?;
        slot.value = Some(value);
        let key = Key { index, generation: slot.generation };
        self.wheel.link(&mut self.slots, index, deadline.as_millis());
        Some(key)
    }

    pub(crate) fn get(&self, key: Key) -> Option<&V> {
        let slot = self.slots.get(key.index as usize).filter(|slot| slot.generation == key.generation)?;
        slot.value.as_ref()
    }

    pub(crate) fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        let slot = self.slots.get_mut(key.index as usize).filter(|slot| slot.generation == key.generation)?;
        slot.value.as_mut()
    }

    pub(crate) fn remove(&mut self, key: Key) -> Option<V> {
        self.get(key)?;
        self.wheel.unlink(&mut self.slots, key.index);
        let slot = self.slots.get_mut(key.index as usize)?;
        slot.generation = slot.generation.wrapping_add(1);
        self.free.push(key.index);
        slot.value.take()
    }

    /// Gives the entry another deadline, also if it had none any more.
    pub(crate) fn reschedule(&mut self, key: Key, deadline: Instant) {
        if self.get(key).is_some() {
            self.wheel.unlink(&mut self.slots, key.index);
            self.wheel.link(&mut self.slots, key.index, deadline.as_millis());
        }
    }

    /// Takes the deadline off the entry, which stays.
    pub(crate) fn unschedule(&mut self, key: Key) {
        if self.get(key).is_some() {
            self.wheel.unlink(&mut self.slots, key.index);
        }
    }

    /// The next entry whose deadline has come: earlier deadlines first, equal ones in the order in which they were set.
    /// The entry stays, without a deadline.
    pub(crate) fn pop_expired(&mut self, now: Instant) -> Option<Key> {
        let index = self.wheel.pop_due(&mut self.slots, now.as_millis())?;
        let generation = self.slots.get(index as usize)?.generation;
        Some(Key { index, generation })
    }

    /// When to call [`pop_expired`](Self::pop_expired) next; at times earlier than the next deadline, never later.
    pub(crate) fn next_wakeup(&self) -> Option<Instant> {
        self.wheel.next_wakeup().map(Instant::from_millis)
    }
}

impl<V> wheel::Linked for Vec<Slot<V>> {
    fn links(&mut self, index: u32) -> Option<&mut Links> {
        self.get_mut(index as usize).map(|slot| &mut slot.links)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    #[derive(Debug, Clone)]
    enum Step {
        Insert(u64),
        Remove(usize),
        Reschedule(usize, u64),
        Advance(u64),
    }

    fn step() -> impl Strategy<Value = Step> {
        // Distances of every magnitude, so that every level of the wheel is used and crossed.
        let distance = (0u32..44).prop_flat_map(|bits| 0..(1u64 << bits));
        prop_oneof![
            4 => distance.clone().prop_map(Step::Insert),
            1 => any::<usize>().prop_map(Step::Remove),
            1 => (any::<usize>(), distance.clone()).prop_map(|(i, d)| Step::Reschedule(i, d)),
            3 => distance.prop_map(Step::Advance),
        ]
    }

    proptest! {
        /// Against a sorted map of (deadline, order of setting): never early, never lost, equal deadlines in order.
        #[test]
        fn expires_like_a_sorted_map(start in any::<u32>(), steps in proptest::collection::vec(step(), 1..200)) {
            let mut now = u64::from(start);
            let mut real = InFlight::new();
            let mut model: BTreeMap<(u64, u64), u64> = BTreeMap::new();
            let mut live: Vec<(Key, u64, (u64, u64))> = Vec::new();
            let mut sequence = 0u64;
            real.pop_expired(Instant::from_millis(now));
            for step in steps {
                sequence += 1;
                match step {
                    Step::Insert(distance) => {
                        let at = now + distance;
                        let key = real.insert(Instant::from_millis(at), sequence).unwrap();
                        model.insert((at, sequence), sequence);
                        live.push((key, sequence, (at, sequence)));
                    }
                    Step::Remove(pick) if !live.is_empty() => {
                        let (key, value, place) = live.swap_remove(pick % live.len());
                        prop_assert_eq!(real.remove(key), Some(value));
                        prop_assert_eq!(real.get(key), None);
                        model.remove(&place);
                    }
                    Step::Reschedule(pick, distance) if !live.is_empty() => {
                        let pick = pick % live.len();
                        let (key, value, place) = live[pick];
                        real.reschedule(key, Instant::from_millis(now + distance));
                        model.remove(&place);
                        live[pick].2 = (now + distance, sequence);
                        model.insert((now + distance, sequence), value);
                    }
                    Step::Advance(distance) => {
                        now += distance;
                        if let Some(wakeup) = real.next_wakeup() {
                            let first = model.keys().next().map(|(at, _)| *at);
                            prop_assert!(Some(wakeup.as_millis()) <= first, "wakes too late");
                        }
                        let mut expected = Vec::new();
                        while let Some(entry) = model.first_entry().filter(|e| e.key().0 <= now) {
                            expected.push(entry.remove());
                        }
                        let mut fired = Vec::new();
                        while let Some(key) = real.pop_expired(Instant::from_millis(now)) {
                            fired.push(real.remove(key).unwrap());
                        }
                        live.retain(|(_, value, _)| !fired.contains(value));
                        prop_assert_eq!(fired, expected);
                    }
                    Step::Remove(_) | Step::Reschedule(..) => {}
                }
                prop_assert_eq!(real.len(), live.len());
            }
        }
    }

    #[test]
    fn time_that_steps_back_fires_nothing_early() {
        let mut table = InFlight::new();
        assert_eq!(table.pop_expired(Instant::from_millis(1_000)), None);
        let key = table.insert(Instant::from_millis(1_500), ()).unwrap();
        assert_eq!(table.pop_expired(Instant::from_millis(10)), None);
        assert_eq!(table.pop_expired(Instant::from_millis(1_499)), None);
        assert_eq!(table.pop_expired(Instant::from_millis(1_500)), Some(key));
    }

    #[test]
    fn a_key_of_a_removed_entry_finds_nothing_in_the_reused_place() {
        let mut table = InFlight::new();
        let old = table.insert(Instant::from_millis(1), 'a').unwrap();
        table.remove(old);
        let new = table.insert(Instant::from_millis(2), 'b').unwrap();
        assert_eq!(old.index, new.index);
        assert_eq!((table.get(old), table.get(new)), (None, Some(&'b')));
        assert_eq!(table.remove(old), None);
        assert_eq!(table.remove(new), Some('b'));
    }
}

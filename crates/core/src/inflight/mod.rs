//! What waits for an answer: found by its id, ended once, each with one deadline.
//!
//! [`InFlight`] is what [`Requester`](crate::Requester) and [`Responder`](crate::Responder) stand on. It knows nothing of
//! JSON or of the protocol and serves any conversation in which answers come later, in any order, or never.
//!
//! ```
//! use setpoint::{MonotonicTime, inflight::InFlight};
//!
//! let mut calls = InFlight::new([7; 32]);
//! calls.insert("r1", MonotonicTime::from_millis(30_000), "start turbine 7").expect("a fresh id");
//! calls.insert("r2", MonotonicTime::from_millis(10_000), "start turbine 8").expect("a fresh id");
//!
//! // An answer ends its call, which is then remembered: a second answer finds it ended. Who need not know takes it out at
//! // once, with `take`.
//! let key = calls.find(&"r1").expect("it is in flight");
//! assert!(calls.end(key));
//! assert!(!calls.end(key));
//!
//! // No answer: its deadline says so. What is not to be remembered is removed.
//! assert_eq!(calls.pop_expired(MonotonicTime::from_millis(9_999)), None);
//! let late = calls.pop_expired(MonotonicTime::from_millis(10_000)).expect("r2 is due");
//! assert_eq!(calls.remove(late), Some((Some("r2"), "start turbine 8")));
//!
//! // The memory of what has ended is as long as its owner wants.
//! assert_eq!((calls.len(), calls.n_ended()), (0, 1));
//! assert_eq!(calls.forget_oldest(), Some((Some("r1"), "start turbine 7")));
//! ```
//!
//! An insertion, a match or an expiry takes the same number of steps with a million entries as with a thousand, and none
//! is stopped for the table to grow: entries and their lists never move, the index grows a piece at a time.
//! Memory follows the largest number of entries there were; freed places are used again. Nothing is allocated for an
//! entry in steady state, unless its id or value does so by itself.

mod chunks;
mod id;
mod index;
mod key;
mod lists;
mod slots;
mod view;
mod wheel;

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher, Hash};

use crate::{
    MonotonicTime,
    secret::{KeyedHash, Secret},
};
pub use id::{Id, IdRef};
use index::Index;
pub use key::{Key, Lookup};
use lists::Record;
use slots::{Slot, Slots};
use view::View;
use wheel::{NO_STAMP, Wheel};

/// How many ids are looked up side by side.
const SIDE_BY_SIDE: usize = 32;

/// Entries with ids and deadlines. Ids may come from anybody: they are hashed under a secret key.
#[derive(Debug)]
pub struct InFlight<K, V> {
    hash: KeyedHash,
    index: Index,
    slots: Slots<K, V>,
    wheel: Wheel,
    /// Entries that have not ended, and those that have.
    open: usize,
    ended: usize,
}

/// Ids that are being looked for: their tags, and where the first entry under each is.
struct Sought {
    n: usize,
    tags: [u32; SIDE_BY_SIDE],
    places: [Option<u32>; SIDE_BY_SIDE],
}

impl<K: Hash + Eq, V> InFlight<K, V> {
    /// An empty table. `seed` is 32 bytes from the operating system's generator: the key of the hash is drawn from it.
    pub fn new(seed: [u8; 32]) -> Self {
        Self::with_hash(Secret::new(seed).keyed_hash())
    }

    pub(crate) fn with_hash(hash: KeyedHash) -> Self {
        Self { hash, index: Index::new(), slots: Slots::new(), wheel: Wheel::new(), open: 0, ended: 0 }
    }

    /// Entries that have not ended.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether every entry has ended.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// Entries that have ended and are remembered.
    pub fn n_ended(&self) -> usize {
        self.ended
    }

    /// How much memory the table takes, in bytes: about all that was allocated, but for what ids and values have allocated
    /// themselves. It is not less once entries are gone. Takes a step for every few thousand entries.
    pub fn n_bytes(&self) -> usize {
        self.index.n_bytes() + self.slots.n_bytes() + self.wheel.n_bytes()
    }

    /// Adds an entry that [`pop_expired`](Self::pop_expired) will name at `deadline`, not before; `None` is never.
    ///
    /// # Errors
    /// An entry has this id already, open or ended: its key. Also if 2³² places are taken: callers bound their tables
    /// long before.
    pub fn insert<Q: Lookup<K> + Into<K>>(
        &mut self,
        id: Q,
        deadline: impl Into<Option<MonotonicTime>>,
        value: V,
    ) -> Result<Key, Option<Key>> {
        let tag = self.tag(&id);
        self.insert_tagged(id, tag, deadline.into(), value)
    }

    /// Adds an entry that no id finds. `None` if 2³² places are taken.
    pub fn insert_nameless(&mut self, deadline: MonotonicTime, value: V) -> Option<Key> {
        self.fill(None::<K>, Some(deadline), value)
    }

    /// The entry with this id, open or ended.
    pub fn find(&self, id: &impl Lookup<K>) -> Option<Key> {
        self.find_tagged(self.tag(id), id)
    }

    /// [`insert`](Self::insert) for several entries side by side: while one waits for memory, the others do as well.
    /// Appends one result for each. The entries are gone through twice.
    pub fn insert_each<Q: Lookup<K> + Into<K>>(
        &mut self,
        entries: impl IntoIterator<Item = (Q, MonotonicTime, V), IntoIter: Clone>,
        results: &mut Vec<Result<Key, Option<Key>>>,
    ) {
        let mut entries = entries.into_iter();
        entries.clone().take(SIDE_BY_SIDE).for_each(|(id, ..)| id.prefetch());
        loop {
            let mut tags = [0; SIDE_BY_SIDE];
            let mut n = 0;
            for (tag, (id, ..)) in tags.iter_mut().zip(entries.clone()) {
                *tag = self.tag(&id);
                self.index.prefetch(*tag);
                n += 1;
            }
            if n == 0 {
                return;
            }
            self.slots.prefetch_free(n);
            entries.clone().skip(n).take(SIDE_BY_SIDE).for_each(|(id, ..)| id.prefetch());
            for (tag, (id, deadline, value)) in tags[..n].iter().zip(entries.by_ref()) {
                results.push(self.insert_tagged(id, *tag, Some(deadline), value));
            }
        }
    }

    /// [`find`](Self::find) for several ids side by side: while one waits for memory, the others do as well. Appends one
    /// key, or `None`, for each id. The ids are gone through twice.
    pub fn find_each<Q: Lookup<K>>(
        &self,
        ids: impl IntoIterator<Item = Option<Q>, IntoIter: Clone>,
        keys: &mut Vec<Option<Key>>,
    ) {
        let mut ids = ids.into_iter();
        ids.clone().take(SIDE_BY_SIDE).flatten().for_each(|id| id.prefetch());
        loop {
            let sought = self.seek(ids.clone());
            if sought.n == 0 {
                return;
            }
            ids.clone().skip(sought.n).take(SIDE_BY_SIDE).flatten().for_each(|id| id.prefetch());
            let each = sought.tags[..sought.n].iter().zip(sought.places);
            for ((tag, place), id) in each.zip(ids.by_ref()) {
                // Mostly it is the first one under its tag.
                let first = |id: &Q| place.and_then(|place| self.key_if(place, id));
                keys.push(id.and_then(|id| first(&id).or_else(|| self.find_tagged(*tag, &id))));
            }
        }
    }

    /// The key of the entry that is at a place now: half the size of a key is enough for who knows by its value whose entry it is.
    pub(crate) fn key_at(&self, place: u32) -> Option<Key> {
        self.slots.get(place).filter(|slot| slot.content.is_some()).map(|slot| slot.key(place))
    }

    /// The id of an entry, if it has one.
    pub fn id(&self, key: Key) -> Option<&K> {
        self.content(key)?.0.as_ref()
    }

    /// Whether the entry is there and has not ended.
    pub fn is_open(&self, key: Key) -> bool {
        self.slots.named(key).is_some_and(|slot| !slot.has_ended())
    }

    /// Every open entry, in no order.
    pub fn iter(&self) -> impl Iterator<Item = (Key, &V)> {
        self.slots.iter().enumerate().filter(|(_, slot)| !slot.has_ended()).filter_map(|(place, slot)| {
            let (_, value) = slot.content.as_ref()?;
            Some((slot.key(u32::try_from(place).ok()?), value))
        })
    }

    /// What was inserted.
    pub fn get(&self, key: Key) -> Option<&V> {
        self.content(key).map(|(_, value)| value)
    }

    /// What was inserted.
    pub fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        self.slots.named_mut(key)?.content.as_mut().map(|(_, value)| value)
    }

    /// The id and the value of an entry that has not ended.
    pub fn get_open(&mut self, key: Key) -> Option<(Option<&K>, &mut V)> {
        let (id, value) = self.open_slot(key)?.content.as_mut()?;
        Some((id.as_ref(), value))
    }

    /// Takes the id off an entry, which stays: the id is free again.
    pub fn unname(&mut self, key: Key) -> Option<K> {
        let id = self.slots.named_mut(key)?.content.as_mut()?.0.take()?;
        self.index.remove(self.tag(&id), key.place());
        Some(id)
    }

    /// Takes an entry out, with its id.
    #[inline]
    pub fn remove(&mut self, key: Key) -> Option<(Option<K>, V)> {
        let (id, _) = self.content(key)?;
        if let Some(id) = id {
            self.index.remove(index::tag(self.hash.hash_one(id)), key.place());
        }
        self.vacate(key.place())
    }

    /// Takes out the entry with this id, open or ended: [`find`](Self::find) and [`remove`](Self::remove) in one.
    pub fn take(&mut self, id: &impl Lookup<K>) -> Option<V> {
        self.take_tagged(self.tag(id), id)
    }

    /// [`take`](Self::take) for several ids side by side: while one waits for memory, the others do as well. Appends one
    /// value, or `None`, for each id. The ids are gone through twice.
    pub fn take_each<Q: Lookup<K>>(
        &mut self,
        ids: impl IntoIterator<Item = Q, IntoIter: Clone>,
        values: &mut Vec<Option<V>>,
    ) {
        let mut ids = ids.into_iter();
        ids.clone().take(SIDE_BY_SIDE).for_each(|id| id.prefetch());
        loop {
            let sought = self.seek(ids.clone().map(Some));
            if sought.n == 0 {
                return;
            }
            ids.clone().skip(sought.n).take(SIDE_BY_SIDE).for_each(|id| id.prefetch());
            for (tag, id) in sought.tags[..sought.n].iter().zip(ids.by_ref()) {
                values.push(self.take_tagged(*tag, &id));
            }
        }
    }

    /// Ends an entry: it can still be found, has no deadline any more, and is remembered behind those that ended before.
    /// `false` if it has ended before or is gone.
    pub fn end(&mut self, key: Key) -> bool {
        let Some(slot) = self.open_slot(key) else { return false };
        slot.end();
        self.wait_no_more(key.place());
        self.open -= 1;
        self.ended += 1;
        let stamp = self.wheel.end(key.place(), &View::new(&self.hash, &self.index, &self.slots));
        if let Some(slot) = self.slots.get_mut(key.place()) {
            slot.stamp = stamp;
        }
        true
    }

    /// Opens an entry that has ended, without a deadline.
    pub fn reopen(&mut self, key: Key) {
        if let Some(slot) = self.slots.named_mut(key).filter(|slot| slot.has_ended()) {
            slot.reopen();
            self.ended -= 1;
            self.open += 1;
            self.wait_no_more(key.place());
        }
    }

    /// Takes out the entry that ended first, with its id.
    pub fn forget_oldest(&mut self) -> Option<(Option<K>, V)> {
        while let Some(record) = self.wheel.pop_ended() {
            if let Some(slot) = self.slots.of(record) {
                let key = slot.key(record.entry);
                return self.remove(key);
            }
        }
        None
    }

    /// Takes out those that ended first, until no more than `most` are left. They are dropped.
    pub fn forget_beyond(&mut self, most: usize) {
        while self.ended > most {
            let mut group = [(Record::default(), 0); SIDE_BY_SIDE];
            let mut n = 0;
            for place in group.iter_mut().take(self.ended - most) {
                let Some(record) = self.wheel.pop_ended() else { break };
                let Some((id, _)) = self.slots.of(record).and_then(|slot| slot.content.as_ref()) else { continue };
                let tag = id.as_ref().map_or(index::NO_TAG, |id| self.tag(id));
                self.index.prefetch(tag);
                *place = (record, tag);
                n += 1;
            }
            self.prefetch_ended();
            for (Record { entry, .. }, tag) in group.iter().filter(|(record, _)| record.stamp != NO_STAMP) {
                if *tag != index::NO_TAG {
                    self.index.remove(*tag, *entry);
                }
                self.vacate(*entry);
            }
            if n == 0 && self.wheel.first_ended().next().is_none() {
                break;
            }
        }
        self.prefetch_ended();
    }

    /// Has memory fetch those that will be forgotten next: mostly by the next call.
    fn prefetch_ended(&self) {
        self.wheel.first_ended().take(SIDE_BY_SIDE).for_each(|record| self.slots.prefetch(record.entry));
    }

    /// Gives an open entry another deadline, also if it has none any more.
    pub fn reschedule(&mut self, key: Key, deadline: MonotonicTime) {
        if self.open_slot(key).is_some() {
            self.wait_no_more(key.place());
            self.schedule(key.place(), deadline);
        }
    }

    /// Takes the deadline off an open entry, which stays.
    pub fn unschedule(&mut self, key: Key) {
        if self.open_slot(key).is_some() {
            self.wait_no_more(key.place());
        }
    }

    /// Tells the table the time, before entries are inserted. It is never wrong not to; but where nothing expires for minutes,
    /// or when the clock does not begin at 0, deadlines would be further ahead of the time that the table knows than its wheel
    /// reaches, and entries cost several times as much.
    pub fn follow(&mut self, now: MonotonicTime) {
        self.wheel.follow(now.as_millis(), &View::new(&self.hash, &self.index, &self.slots));
    }

    /// Entries that are beyond the reach of the wheel.
    #[cfg(test)]
    pub(crate) fn n_far(&self) -> usize {
        self.wheel.far()
    }

    /// The next open entry whose deadline has come: earlier deadlines first, equal ones in the order in which they were
    /// set, unless all of them were set more than 524 seconds ahead. The entry stays, without a deadline.
    pub fn pop_expired(&mut self, now: MonotonicTime) -> Option<Key> {
        let place = self.wheel.pop_due(now.as_millis(), &View::new(&self.hash, &self.index, &self.slots))?;
        let slot = self.slots.get_mut(place)?;
        slot.stamp = NO_STAMP;
        Some(slot.key(place))
    }

    /// When to call [`pop_expired`](Self::pop_expired) next; at times earlier than the next deadline, never later.
    pub fn next_wakeup(&self) -> Option<MonotonicTime> {
        self.wheel.next_wakeup().map(MonotonicTime::from_millis)
    }

    /// Takes an entry's place in the wheel.
    #[inline]
    fn wait_no_more(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        self.wheel.void(place, slot.deadline, std::mem::replace(&mut slot.stamp, NO_STAMP));
    }

    /// Gives an entry that waits for nothing a deadline.
    #[inline]
    fn schedule(&mut self, place: u32, deadline: MonotonicTime) {
        let deadline = deadline.as_millis();
        let stamp = self.wheel.schedule(place, deadline, &View::new(&self.hash, &self.index, &self.slots));
        if let Some(slot) = self.slots.get_mut(place) {
            (slot.deadline, slot.stamp) = (deadline, stamp);
        }
    }

    #[inline]
    fn tag(&self, id: &impl Hash) -> u32 {
        index::tag(self.hash.hash_one(id))
    }

    #[inline(always)]
    fn insert_tagged<Q>(
        &mut self,
        id: Q,
        tag: u32,
        deadline: Option<MonotonicTime>,
        value: V,
    ) -> Result<Key, Option<Key>>
    where
        Q: Lookup<K> + Into<K>,
    {
        let vacancy = match self.index.find_or_vacancy(tag, |place| self.key_if(place, &id)) {
            Ok(key) => return Err(Some(key)),
            Err(vacancy) => vacancy,
        };
        let key = self.fill(Some(id), deadline, value).ok_or(None)?;
        self.index.fill(vacancy, tag, key.place());
        Ok(key)
    }

    /// Begins to look for ids, and has memory fetch the rest of the way.
    #[inline]
    fn seek<Q: Lookup<K>>(&self, ids: impl Iterator<Item = Option<Q>>) -> Sought {
        let mut homes = [None; SIDE_BY_SIDE];
        let mut sought = Sought { n: 0, tags: [0; SIDE_BY_SIDE], places: [None; SIDE_BY_SIDE] };
        for ((tag, home), id) in sought.tags.iter_mut().zip(&mut homes).zip(ids) {
            if let Some(id) = id {
                *tag = self.tag(&id);
                *home = self.index.home(*tag);
            }
            sought.n += 1;
        }
        for ((place, home), tag) in sought.places.iter_mut().zip(&homes[..sought.n]).zip(sought.tags) {
            *place = home.and_then(|home| home.first(tag));
            place.iter().for_each(|place| self.slots.prefetch(*place));
        }
        sought
    }

    #[inline]
    fn take_tagged(&mut self, tag: u32, id: &impl Lookup<K>) -> Option<V> {
        let slots = &self.slots;
        let place = self.index.take(tag, |place| slots.get(place).is_some_and(|slot| slot.has_id(id)))?;
        self.vacate(place).map(|(_, value)| value)
    }

    /// Frees the place of an entry that the index has not, or not any more.
    #[inline(always)]
    fn vacate(&mut self, place: u32) -> Option<(Option<K>, V)> {
        let (slot, free) = self.slots.get_and_free(place)?;
        *if slot.has_ended() { &mut self.ended } else { &mut self.open } -= 1;
        self.wheel.void(place, slot.deadline, slot.stamp);
        slot.leave();
        free.put(place);
        // Last, for it to be moved once.
        slot.content.take()
    }

    #[inline]
    fn find_tagged(&self, tag: u32, id: &impl Lookup<K>) -> Option<Key> {
        self.index.find(tag, |place| self.key_if(place, id))
    }

    /// The key of the entry at this place, if it has this id.
    #[inline]
    fn key_if(&self, place: u32, id: &impl Lookup<K>) -> Option<Key> {
        let slot = self.slots.get(place)?;
        slot.has_id(id).then(|| slot.key(place))
    }

    #[inline]
    fn content(&self, key: Key) -> Option<&(Option<K>, V)> {
        self.slots.named(key)?.content.as_ref()
    }

    #[inline]
    fn open_slot(&mut self, key: Key) -> Option<&mut Slot<K, V>> {
        self.slots.named_mut(key).filter(|slot| !slot.has_ended() && slot.content.is_some())
    }

    /// Fills a free place, or a new one. The id is made where it stays.
    #[inline]
    fn fill(&mut self, id: Option<impl Into<K>>, deadline: Option<MonotonicTime>, value: V) -> Option<Key> {
        let place = self.slots.take()?;
        let deadline = deadline.map(MonotonicTime::as_millis);
        let stamp = deadline.map_or(NO_STAMP, |deadline| {
            self.wheel.schedule(place, deadline, &View::new(&self.hash, &self.index, &self.slots))
        });
        self.open += 1;
        let slot = self.slots.get_mut(place)?;
        (slot.deadline, slot.stamp) = (deadline.unwrap_or(0), stamp);
        // It is free. To say so spares the drop, and with it a copy.
        if slot.content.is_none() {
            slot.content = Some((id.map(Into::into), value));
        }
        Some(slot.key(place))
    }
}

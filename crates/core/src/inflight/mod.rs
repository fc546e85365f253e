//! What waits for an answer: found by its id, ended once, each with one deadline.
//!
//! [`InFlight`] is what [`Requester`](crate::Requester) and [`Responder`](crate::Responder) stand on. It knows nothing of
//! JSON or of the protocol and serves any conversation in which answers come later, in any order, or never.
//!
//! ```
//! use setpoint::{Instant, inflight::InFlight};
//!
//! let mut calls = InFlight::new([7; 32]);
//! calls.insert("r1", Instant::from_millis(30_000), "start turbine 7").expect("a fresh id");
//! calls.insert("r2", Instant::from_millis(10_000), "start turbine 8").expect("a fresh id");
//!
//! // An answer ends its call, which is then remembered: a second answer finds it ended.
//! let key = calls.find(&"r1").expect("it is in flight");
//! assert!(calls.end(key));
//! assert!(!calls.end(key));
//!
//! // No answer: its deadline says so. What is not to be remembered is removed.
//! assert_eq!(calls.pop_expired(Instant::from_millis(9_999)), None);
//! let late = calls.pop_expired(Instant::from_millis(10_000)).expect("r2 is due");
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
mod wheel;

#[cfg(test)]
mod tests;

use std::{
    hash::{BuildHasher, Hash},
    hint::black_box,
};

use crate::{
    Instant,
    secret::{KeyedHash, Secret},
};
use chunks::Chunks;
pub use id::{Id, IdRef};
use index::Index;
use wheel::Wheel;

/// How many ids are looked up side by side.
const SIDE_BY_SIDE: usize = 32;

/// Entries with ids and deadlines. Ids may come from anybody: they are hashed with SipHash-1-3 under a secret key.
#[derive(Debug)]
pub struct InFlight<K, V> {
    hash: KeyedHash,
    index: Index,
    slots: Chunks<Slot<K, V>>,
    wheel: Wheel,
    /// Free places; what was used last is taken first, it may still be at hand.
    free: Vec<u32>,
    /// Entries that have not ended, and those that have.
    open: usize,
    ended: usize,
}

/// Names an entry. A key outlives its entry harmlessly: it finds nothing, also when the place is taken again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Key {
    place: u32,
    generation: u32,
}

/// What an entry can be looked up by: its id, or what stands for one and has the same hash.
pub trait Lookup<K>: Hash {
    /// Whether this is the id.
    fn is(&self, id: &K) -> bool;
}

impl<K: Hash + Eq> Lookup<K> for K {
    fn is(&self, id: &K) -> bool {
        self == id
    }
}

#[derive(Debug)]
struct Slot<K, V> {
    /// `None` while the place is free.
    content: Option<(Option<K>, V)>,
    deadline: u64,
    /// How often the place was freed, above one bit that says whether its entry has ended.
    life: u32,
    tag: u32,
}

const ENDED: u32 = 1;

impl<K, V> Slot<K, V> {
    fn is(&self, key: Key) -> bool {
        self.life >> 1 == key.generation
    }

    fn has_ended(&self) -> bool {
        self.life & ENDED != 0
    }

    /// Something of either end: a slot lies across two lines of the cache.
    #[inline]
    fn touch(&self) -> u32 {
        self.tag ^ u32::from(self.content.is_some())
    }

    fn key(&self, place: u32) -> Key {
        Key { place, generation: self.life >> 1 }
    }
}

impl<K: Hash + Eq, V> InFlight<K, V> {
    /// An empty table. `seed` is 32 bytes from the operating system's generator: the key of the hash is drawn from it.
    pub fn new(seed: [u8; 32]) -> Self {
        Self::with_hash(Secret::new(seed).keyed_hash())
    }

    pub(crate) fn with_hash(hash: KeyedHash) -> Self {
        Self {
            hash,
            index: Index::new(),
            slots: Chunks::new(),
            wheel: Wheel::new(),
            free: Vec::new(),
            open: 0,
            ended: 0,
        }
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

    /// Adds an entry that [`pop_expired`](Self::pop_expired) will name at `deadline`, not before; `None` is never.
    ///
    /// # Errors
    /// An entry has this id already, open or ended: its key. Also if 2³² places are taken: callers bound their tables
    /// long before.
    pub fn insert<Q: Lookup<K> + Into<K>>(
        &mut self,
        id: Q,
        deadline: impl Into<Option<Instant>>,
        value: V,
    ) -> Result<Key, Option<Key>> {
        let tag = self.tag(&id);
        self.insert_tagged(id, tag, deadline.into(), value)
    }

    /// Adds an entry that no id finds. `None` if 2³² places are taken.
    pub fn insert_nameless(&mut self, deadline: Instant, value: V) -> Option<Key> {
        self.fill(None::<K>, 0, Some(deadline), value)
    }

    /// The entry with this id, open or ended.
    pub fn find(&self, id: &impl Lookup<K>) -> Option<Key> {
        let place = self.place(self.tag(id), id)?;
        self.slots.get(place).map(|slot| slot.key(place))
    }

    /// [`insert`](Self::insert) for several entries side by side: while one waits for memory, the others do as well.
    /// Appends one result for each.
    pub fn insert_each<Q: Lookup<K> + Into<K>>(
        &mut self,
        entries: impl IntoIterator<Item = (Q, Instant, V)>,
        results: &mut Vec<Result<Key, Option<Key>>>,
    ) {
        let mut entries = entries.into_iter();
        loop {
            let mut group: [Option<(Q, Instant, V)>; SIDE_BY_SIDE] = [const { None }; SIDE_BY_SIDE];
            let mut tags = [0; SIDE_BY_SIDE];
            let mut n = 0;
            for ((place, tag), entry) in group.iter_mut().zip(&mut tags).zip(entries.by_ref()) {
                *tag = self.tag(&entry.0);
                *place = Some(entry);
                n += 1;
            }
            if n == 0 {
                return;
            }
            self.touch_tags(&tags[..n]);
            self.touch_free(n);
            for ((id, deadline, value), tag) in group.into_iter().flatten().zip(tags) {
                results.push(self.insert_tagged(id, tag, Some(deadline), value));
            }
        }
    }

    /// [`find`](Self::find) for several ids side by side: while one waits for memory, the others do as well. Appends one
    /// key, or `None`, for each id.
    pub fn find_each<Q: Lookup<K>>(&self, ids: impl IntoIterator<Item = Option<Q>>, keys: &mut Vec<Option<Key>>) {
        let mut ids = ids.into_iter();
        loop {
            let mut group: [Option<Q>; SIDE_BY_SIDE] = [const { None }; SIDE_BY_SIDE];
            let mut tags = [0; SIDE_BY_SIDE];
            let mut n = 0;
            for ((place, tag), id) in group.iter_mut().zip(&mut tags).zip(ids.by_ref()) {
                *tag = id.as_ref().map_or(0, |id| self.tag(id));
                *place = id;
                n += 1;
            }
            if n == 0 {
                return;
            }
            let tags = &tags[..n];
            self.touch_tags(tags);
            let mut places = [wheel::NONE; SIDE_BY_SIDE];
            for (place, tag) in places.iter_mut().zip(tags) {
                *place = self.index.find(*tag, |_| true).unwrap_or(wheel::NONE);
            }
            self.touch_places(&places[..n]);
            for ((id, tag), place) in group.into_iter().zip(tags).zip(places) {
                keys.push(id.and_then(|id| {
                    let place = if self.has_id(place, &id) { place } else { self.place(*tag, &id)? };
                    self.slots.get(place).map(|slot| slot.key(place))
                }));
            }
        }
    }

    /// The id of an entry, if it has one.
    pub fn id(&self, key: Key) -> Option<&K> {
        self.content(key)?.0.as_ref()
    }

    /// Whether the entry is there and has not ended.
    pub fn is_open(&self, key: Key) -> bool {
        self.slots.get(key.place).is_some_and(|slot| slot.is(key) && !slot.has_ended())
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
        let slot = self.slots.get_mut(key.place).filter(|slot| slot.is(key))?;
        slot.content.as_mut().map(|(_, value)| value)
    }

    /// The id and the value of an entry that has not ended.
    pub fn get_open(&mut self, key: Key) -> Option<(Option<&K>, &mut V)> {
        let (id, value) = self.open_slot(key)?.content.as_mut()?;
        Some((id.as_ref(), value))
    }

    /// Takes the id off an entry, which stays: the id is free again.
    pub fn unname(&mut self, key: Key) -> Option<K> {
        let slot = self.slots.get_mut(key.place).filter(|slot| slot.is(key))?;
        let id = slot.content.as_mut()?.0.take()?;
        self.index.remove(slot.tag, key.place);
        Some(id)
    }

    /// Takes an entry out, with its id.
    pub fn remove(&mut self, key: Key) -> Option<(Option<K>, V)> {
        let slot = self.slots.get_mut(key.place).filter(|slot| slot.is(key))?;
        let content = slot.content.take()?;
        self.leave(key.place, content.0.is_some());
        Some(content)
    }

    /// Ends an entry: it can still be found, has no deadline any more, and is remembered behind those that ended before.
    /// `false` if it has ended before or is gone.
    pub fn end(&mut self, key: Key) -> bool {
        let Some(slot) = self.slots.get_mut(key.place).filter(|slot| slot.is(key) && !slot.has_ended()) else {
            return false;
        };
        if slot.content.is_none() {
            return false;
        }
        slot.life |= ENDED;
        self.open -= 1;
        self.ended += 1;
        self.wheel.unlink(key.place, slot.deadline);
        self.wheel.end(key.place);
        true
    }

    /// Opens an entry that has ended, without a deadline.
    pub fn reopen(&mut self, key: Key) {
        if let Some(slot) = self.slots.get_mut(key.place).filter(|slot| slot.is(key) && slot.has_ended()) {
            slot.life &= !ENDED;
            self.ended -= 1;
            self.open += 1;
            self.wheel.unlink(key.place, slot.deadline);
        }
    }

    /// Takes out the entry that ended first, with its id.
    pub fn forget_oldest(&mut self) -> Option<(Option<K>, V)> {
        let place = self.wheel.pop_ended()?;
        let key = self.slots.get(place).map(|slot| slot.key(place))?;
        self.remove(key)
    }

    /// Takes out those that ended first, until no more than `most` are left. They are dropped.
    pub fn forget_beyond(&mut self, most: usize) {
        let mut places = [wheel::NONE; SIDE_BY_SIDE];
        while self.ended > most {
            let n = self.wheel.first_ended(&mut places, self.ended - most);
            self.touch_places(&places[..n]);
            let mut tags = [0; SIDE_BY_SIDE];
            for (tag, place) in tags.iter_mut().zip(&places[..n]) {
                *tag = self.slots.get(*place).map_or(0, |slot| slot.tag);
            }
            self.touch_tags(&tags[..n]);
            for place in &places[..n] {
                self.forget(*place);
            }
        }
    }

    /// Gives an open entry another deadline, also if it has none any more.
    pub fn reschedule(&mut self, key: Key, deadline: Instant) {
        let deadline = deadline.as_millis();
        if let Some(slot) = self.open_slot(key) {
            let before = std::mem::replace(&mut slot.deadline, deadline);
            self.wheel.unlink(key.place, before);
            self.wheel.schedule(key.place, deadline);
        }
    }

    /// Takes the deadline off an open entry, which stays.
    pub fn unschedule(&mut self, key: Key) {
        if let Some(deadline) = self.open_slot(key).map(|slot| slot.deadline) {
            self.wheel.unlink(key.place, deadline);
        }
    }

    /// Tells the table the time, before entries are inserted. It is never wrong not to; but where nothing expires for minutes,
    /// or when the clock does not begin at 0, deadlines would be further ahead of the time that the table knows than its wheel
    /// reaches, and entries cost several times as much.
    pub fn follow(&mut self, now: Instant) {
        let slots = &self.slots;
        self.wheel.follow(now.as_millis(), |place| slots.get(place).map_or(0, |slot| slot.deadline));
    }

    /// Entries that are beyond the reach of the wheel.
    #[cfg(test)]
    pub(crate) fn n_far(&self) -> usize {
        self.wheel.far()
    }

    /// The next open entry whose deadline has come: earlier deadlines first, equal ones in the order in which they were
    /// set, unless all of them were set more than 524 seconds ahead. The entry stays, without a deadline.
    pub fn pop_expired(&mut self, now: Instant) -> Option<Key> {
        let slots = &self.slots;
        let place = self.wheel.pop_due(now.as_millis(), |place| slots.get(place).map_or(0, |slot| slot.deadline))?;
        self.slots.get(place).map(|slot| slot.key(place))
    }

    /// When to call [`pop_expired`](Self::pop_expired) next; at times earlier than the next deadline, never later.
    pub fn next_wakeup(&self) -> Option<Instant> {
        self.wheel.next_wakeup().map(Instant::from_millis)
    }

    /// Drops an entry.
    #[inline]
    fn forget(&mut self, place: u32) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        let Some((id, _)) = &slot.content else { return };
        let is_named = id.is_some();
        slot.content = None;
        self.leave(place, is_named);
    }

    /// Frees a place whose content is gone.
    #[inline]
    fn leave(&mut self, place: u32, was_named: bool) {
        let Some(slot) = self.slots.get_mut(place) else { return };
        if slot.has_ended() {
            self.ended -= 1;
        } else {
            self.open -= 1;
        }
        slot.life = (slot.life | ENDED).wrapping_add(1);
        if was_named {
            self.index.remove(slot.tag, place);
        }
        self.wheel.unlink(place, slot.deadline);
        self.free.push(place);
    }

    fn tag(&self, id: &impl Hash) -> u32 {
        (self.hash.hash_one(id) >> 32) as u32
    }

    #[inline]
    fn insert_tagged<Q>(&mut self, id: Q, tag: u32, deadline: Option<Instant>, value: V) -> Result<Key, Option<Key>>
    where
        Q: Lookup<K> + Into<K>,
    {
        if let Some(place) = self.place(tag, &id) {
            return Err(self.slots.get(place).map(|slot| slot.key(place)));
        }
        let key = self.fill(Some(id), tag, deadline, value).ok_or(None)?;
        self.index.insert(tag, key.place);
        Ok(key)
    }

    // Reading a little of everything that is going to be needed, without a branch that depends on it, lets the processor
    // fetch all of it at the same time. What is read does not matter.

    fn touch_tags(&self, tags: &[u32]) {
        black_box(tags.iter().fold(0, |sum, tag| sum ^ self.index.touch(*tag)));
    }

    fn touch_places(&self, places: &[u32]) {
        black_box(
            places
                .iter()
                .fold(0, |sum, place| sum ^ self.slots.get(*place).map_or(0, Slot::touch) ^ self.wheel.touch(*place)),
        );
        black_box(places.iter().fold(0, |sum, place| sum ^ self.wheel.touch_beside(*place)));
    }

    fn touch_free(&self, n: usize) {
        black_box(
            self.free
                .iter()
                .rev()
                .take(n)
                .fold(0, |sum, place| sum ^ self.slots.get(*place).map_or(0, Slot::touch) ^ self.wheel.touch(*place)),
        );
    }

    #[inline]
    fn place(&self, tag: u32, id: &impl Lookup<K>) -> Option<u32> {
        self.index.find(tag, |place| self.has_id(place, id))
    }

    #[inline]
    fn has_id(&self, place: u32, id: &impl Lookup<K>) -> bool {
        let content = self.slots.get(place).and_then(|slot| slot.content.as_ref());
        content.is_some_and(|(own, _)| own.as_ref().is_some_and(|own| id.is(own)))
    }

    fn content(&self, key: Key) -> Option<&(Option<K>, V)> {
        self.slots.get(key.place).filter(|slot| slot.is(key))?.content.as_ref()
    }

    fn open_slot(&mut self, key: Key) -> Option<&mut Slot<K, V>> {
        self.slots.get_mut(key.place).filter(|slot| slot.is(key) && !slot.has_ended() && slot.content.is_some())
    }

    /// Fills a free place, or a new one. The id is made where it stays.
    #[inline]
    fn fill(&mut self, id: Option<impl Into<K>>, tag: u32, due: Option<Instant>, value: V) -> Option<Key> {
        let deadline = due.map_or(0, Instant::as_millis);
        let key = match self.free.pop() {
            Some(place) => {
                let slot = self.slots.get_mut(place)?;
                slot.content = Some((id.map(Into::into), value));
                (slot.deadline, slot.tag) = (deadline, tag);
                slot.key(place)
            }
            None => {
                let place = u32::try_from(self.slots.len()).ok().filter(|place| *place < wheel::NONE)?;
                self.slots.push(Slot { content: Some((id.map(Into::into), value)), deadline, life: 0, tag });
                self.wheel.add();
                Key { place, generation: 0 }
            }
        };
        if due.is_some() {
            self.wheel.schedule(key.place, deadline);
        }
        self.open += 1;
        Some(key)
    }
}

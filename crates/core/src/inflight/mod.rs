//! A table of requests in flight: each is found by its id, has one deadline, and ends once.
//!
//! [`InFlight`] is what [`Requester`](crate::Requester) and [`Responder`](crate::Responder) are built on. It knows nothing of
//! JSON or of the protocol and serves any conversation in which answers come later, in any order, or never.
//!
//! ```
//! use setpoint::{MonotonicTime, inflight::InFlight};
//!
//! let mut calls = InFlight::new([7; 32]);
//! calls.insert("r1", MonotonicTime::from_millis(30_000), "start turbine 7").expect("a fresh id");
//! calls.insert("r2", MonotonicTime::from_millis(10_000), "start turbine 8").expect("a fresh id");
//!
//! // An answer ends its call, which stays known: a second answer finds that it has ended. (`take` would remove it at once.)
//! let key = calls.find(&"r1").expect("it is in flight");
//! assert!(calls.end(key));
//! assert!(!calls.end(key));
//!
//! // No answer: the deadline passes. `remove` forgets the call.
//! assert_eq!(calls.pop_expired(MonotonicTime::from_millis(9_999)), None);
//! let late = calls.pop_expired(MonotonicTime::from_millis(10_000)).expect("r2 is due");
//! assert_eq!(calls.remove(late), Some((Some("r2"), "start turbine 8")));
//!
//! // The owner decides how many ended calls are remembered.
//! assert_eq!((calls.len(), calls.n_ended()), (0, 1));
//! assert_eq!(calls.forget_oldest(), Some((Some("r1"), "start turbine 7")));
//! ```
//!
//! Insertion, match and expiry take constant time, with a million entries as with a thousand, and none waits for the table to be
//! rehashed: slots never move, and the index is an extendible hash table, which grows one segment at a time. Deadlines are
//! kept in a hierarchical timing wheel. Memory follows the largest number of entries there ever were; free slots are reused.
//! In steady state nothing is allocated for an entry, unless its id or value does so itself.

// # Design notes
//
//     index     32 bits of a keyed hash → slot      extendible hashing: cache-line buckets in segments, which are split when full
//     slots     id, value, deadline, generation     rows that never move; free slots are reused
//     wheel     lists of (slot, generation)         hierarchical timing wheel (128 ms, then 1 ms); a queue of what has ended
//
// - No call pays for growth as a whole: slots are allocated in chunks, segments of the index are split one at a time (and made in
//   several sizes, so that not all are half empty at once), and the wheel cascades one coarse tick at a time.
// - An entry ends in place: its slot gets a record of a new generation in the queue of ended entries. It is found by the same id
//   until it is forgotten; nothing is hashed, copied or allocated for it.
// - Deletion from the wheel is lazy. A record whose generation is not its slot's is stale; it is dropped when its list is read, or
//   with the whole list when no live record is left. When most records are stale, lists are compacted one after the other, so
//   their length is bounded by what waits. Deadlines stay exact to the millisecond. The index needs no tombstones: backward-shift
//   deletion.
// - `insert_each`, `find_each`, `take_each`, `forget_beyond` and the wheel use group prefetching: for 32 entries at a time,
//   everything that will be read is prefetched first, so that their cache misses overlap. With a million in flight that is where the
//   time goes. Whether a record's entry is gone is read from the free bitmap, without a miss on the slot.
// - Ids are hashed by NH, which is universal, longer ones by SipHash-1-3; the bound and what it rests on stand in
//   `secret/keyed_hash.rs`. Hashes never leave the process.

mod chunks;
mod deadlines;
mod grouped;
mod id;
mod index;
mod key;
mod lists;
mod segment;
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
use slots::{Slot, Slots};
use view::View;
use wheel::{NO_RECORD, Wheel};

/// Entries with ids and deadlines; see the [module](self). Ids may come from an adversary: they are hashed under a secret.
///
/// Entries are *open* until they [end](Self::end). Ended ones can still be found, until they are [removed](Self::remove) or
/// [forgotten](Self::forget_oldest).
#[derive(Debug)]
pub struct InFlight<K, V> {
    hash: KeyedHash,
    index: Index,
    slots: Slots<K, V>,
    wheel: Wheel,
    /// How many entries are open, and how many have ended.
    open: usize,
    ended: usize,
}

impl<K: Hash + Eq, V> InFlight<K, V> {
    /// An empty table. `seed` is 32 random bytes from the operating system: the secret of the hash is drawn from it.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]); // in a program: random bytes
    /// calls.insert("r1", None, ()).expect("a fresh id");
    /// assert_eq!(calls.len(), 1);
    /// ```
    pub fn new(seed: [u8; 32]) -> Self {
        Self::with_hash(Secret::new(seed).keyed_hash())
    }

    pub(crate) fn with_hash(hash: KeyedHash) -> Self {
        Self { hash, index: Index::new(), slots: Slots::new(), wheel: Wheel::new(), open: 0, ended: 0 }
    }

    /// How many entries are open.
    pub fn len(&self) -> usize {
        self.open
    }

    /// Whether no entry is open.
    pub fn is_empty(&self) -> bool {
        self.open == 0
    }

    /// How many entries have ended and are still known.
    pub fn n_ended(&self) -> usize {
        self.ended
    }

    /// About how much memory the table has allocated, in bytes, without what ids and values have allocated themselves. It does
    /// not shrink when entries are removed. Takes a step for every few thousand entries.
    pub fn n_bytes(&self) -> usize {
        self.index.n_bytes() + self.slots.n_bytes() + self.wheel.n_bytes()
    }

    /// Adds an open entry. [`pop_expired`](Self::pop_expired) returns it from `deadline` on; `None` is never.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", MonotonicTime::from_millis(500), "start").expect("a fresh id");
    /// assert_eq!(calls.insert("r1", None, "again"), Err(Some(key)));
    /// ```
    ///
    /// # Errors
    /// `Some`: the key of the entry that has this id already, open or ended. `None`: 2³² slots are taken; callers bound
    /// their tables long before.
    pub fn insert<Q: Lookup<K> + Into<K>>(
        &mut self,
        id: Q,
        deadline: impl Into<Option<MonotonicTime>>,
        value: V,
    ) -> Result<Key, Option<Key>> {
        let tag = self.tag(&id);
        self.insert_tagged(id, tag, deadline.into(), value)
    }

    /// Adds an open entry without an id: only its key and its deadline lead to it. `None` if 2³² slots are taken.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let mut calls: InFlight<String, _> = InFlight::new([7; 32]);
    /// let key = calls.insert_nameless(MonotonicTime::from_millis(500), "start").expect("a free slot");
    /// assert_eq!((calls.id(key), calls.get(key)), (None, Some(&"start")));
    /// ```
    pub fn insert_nameless(&mut self, deadline: MonotonicTime, value: V) -> Option<Key> {
        self.fill(None::<K>, Some(deadline), value)
    }

    /// The key of the entry with this id, open or ended.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", None, ()).expect("a fresh id");
    /// assert_eq!((calls.find(&"r1"), calls.find(&"r2")), (Some(key), None));
    /// ```
    pub fn find(&self, id: &impl Lookup<K>) -> Option<Key> {
        self.find_tagged(self.tag(id), id)
    }

    /// The key of the entry that a slot holds now. A slot number is half as large as a key: enough for callers who recognise their
    /// entry by its value.
    pub(crate) fn key_of_slot(&self, number: u32) -> Option<Key> {
        self.slots.get(number).filter(|slot| slot.content.is_some()).map(|slot| slot.key(number))
    }

    /// The id of an entry, if it has one.
    pub fn id(&self, key: Key) -> Option<&K> {
        self.content(key)?.0.as_ref()
    }

    /// Whether the entry exists and is open.
    pub fn is_open(&self, key: Key) -> bool {
        self.slots.of_key(key).is_some_and(|slot| !slot.has_ended())
    }

    /// Every open entry, in no particular order.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let first = calls.insert("r1", None, 1).expect("a fresh id");
    /// let second = calls.insert("r2", None, 2).expect("a fresh id");
    /// calls.end(first);
    /// assert!(calls.iter().eq([(second, &2)]));
    /// ```
    pub fn iter(&self) -> impl Iterator<Item = (Key, &V)> {
        self.slots.iter().enumerate().filter(|(_, slot)| !slot.has_ended()).filter_map(|(number, slot)| {
            let (_, value) = slot.content.as_ref()?;
            Some((slot.key(u32::try_from(number).ok()?), value))
        })
    }

    /// The value of an entry, open or ended.
    pub fn get(&self, key: Key) -> Option<&V> {
        self.content(key).map(|(_, value)| value)
    }

    /// The value of an entry, open or ended.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut attempts = InFlight::new([7; 32]);
    /// let key = attempts.insert("r1", None, 1).expect("a fresh id");
    /// *attempts.get_mut(key).expect("it is in flight") += 1;
    /// assert_eq!(attempts.get(key), Some(&2));
    /// ```
    pub fn get_mut(&mut self, key: Key) -> Option<&mut V> {
        self.slots.of_key_mut(key)?.content.as_mut().map(|(_, value)| value)
    }

    /// The id and the value of an entry that is open.
    pub fn get_open(&mut self, key: Key) -> Option<(Option<&K>, &mut V)> {
        let (id, value) = self.open_slot(key)?.content.as_mut()?;
        Some((id.as_ref(), value))
    }

    /// Removes the id of an entry, which stays: the id may be used by another one.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", None, ()).expect("a fresh id");
    /// assert_eq!((calls.unname(key), calls.find(&"r1"), calls.is_open(key)), (Some("r1"), None, true));
    /// ```
    pub fn unname(&mut self, key: Key) -> Option<K> {
        let id = self.slots.of_key_mut(key)?.content.as_mut()?.0.take()?;
        self.index.remove(self.tag(&id), key.slot());
        Some(id)
    }

    /// Removes an entry, open or ended. Returns its id and its value.
    #[inline]
    pub fn remove(&mut self, key: Key) -> Option<(Option<K>, V)> {
        let (id, _) = self.content(key)?;
        if let Some(id) = id {
            self.index.remove(index::tag(self.hash.hash_one(id)), key.slot());
        }
        self.vacate(key.slot())
    }

    /// Removes the entry with this id, open or ended, and returns its value: [`find`](Self::find) and [`remove`](Self::remove) in
    /// one.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// calls.insert("r1", None, "start").expect("a fresh id");
    /// assert_eq!((calls.take(&"r1"), calls.take(&"r1")), (Some("start"), None));
    /// ```
    pub fn take(&mut self, id: &impl Lookup<K>) -> Option<V> {
        self.take_tagged(self.tag(id), id)
    }

    /// Ends an open entry. It keeps its id, has no deadline any more, and is the newest of those that have ended. `false` if it is
    /// not open.
    pub fn end(&mut self, key: Key) -> bool {
        let Some(slot) = self.open_slot(key) else { return false };
        slot.end();
        self.cancel_record(key.slot());
        self.open -= 1;
        self.ended += 1;
        let record = self.wheel.end(key.slot(), &View::new(&self.hash, &self.index, &self.slots));
        if let Some(slot) = self.slots.get_mut(key.slot()) {
            slot.record = record;
        }
        true
    }

    /// Opens an entry again that has ended. It has no deadline.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", None, ()).expect("a fresh id");
    /// calls.end(key);
    /// calls.reopen(key);
    /// assert_eq!((calls.len(), calls.n_ended()), (1, 0));
    /// ```
    pub fn reopen(&mut self, key: Key) {
        if let Some(slot) = self.slots.of_key_mut(key).filter(|slot| slot.has_ended()) {
            slot.reopen();
            self.ended -= 1;
            self.open += 1;
            self.cancel_record(key.slot());
        }
    }

    /// Removes the entry that ended first. Returns its id and its value.
    pub fn forget_oldest(&mut self) -> Option<(Option<K>, V)> {
        while let Some(record) = self.wheel.pop_ended() {
            if let Some(slot) = self.slots.of_record(record) {
                let key = slot.key(record.slot);
                return self.remove(key);
            }
        }
        None
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
        let vacancy = match self.index.find_or_vacancy(tag, |number| self.key_if(number, &id)) {
            Ok(key) => return Err(Some(key)),
            Err(vacancy) => vacancy,
        };
        let key = self.fill(Some(id), deadline, value).ok_or(None)?;
        self.index.fill(vacancy, tag, key.slot());
        Ok(key)
    }

    #[inline]
    fn take_tagged(&mut self, tag: u32, id: &impl Lookup<K>) -> Option<V> {
        let slots = &self.slots;
        let number = self.index.take(tag, |number| slots.get(number).is_some_and(|slot| slot.has_id(id)))?;
        self.vacate(number).map(|(_, value)| value)
    }

    /// Frees a slot whose entry is not in the index, or not any more.
    #[inline(always)]
    fn vacate(&mut self, number: u32) -> Option<(Option<K>, V)> {
        let (slot, free) = self.slots.get_and_free(number)?;
        *if slot.has_ended() { &mut self.ended } else { &mut self.open } -= 1;
        self.wheel.cancel(number, slot.deadline, slot.record);
        slot.retire();
        free.put(number);
        // Last, so that the content is moved only once.
        slot.content.take()
    }

    #[inline]
    fn find_tagged(&self, tag: u32, id: &impl Lookup<K>) -> Option<Key> {
        self.index.find(tag, |number| self.key_if(number, id))
    }

    /// The key of the entry in this slot, if it has this id.
    #[inline]
    fn key_if(&self, number: u32, id: &impl Lookup<K>) -> Option<Key> {
        let slot = self.slots.get(number)?;
        slot.has_id(id).then(|| slot.key(number))
    }

    #[inline]
    fn content(&self, key: Key) -> Option<&(Option<K>, V)> {
        self.slots.of_key(key)?.content.as_ref()
    }

    #[inline]
    fn open_slot(&mut self, key: Key) -> Option<&mut Slot<K, V>> {
        self.slots.of_key_mut(key).filter(|slot| !slot.has_ended() && slot.content.is_some())
    }

    /// Fills a free slot or a new one. The id is converted in place.
    #[inline]
    fn fill(&mut self, id: Option<impl Into<K>>, deadline: Option<MonotonicTime>, value: V) -> Option<Key> {
        let number = self.slots.allocate()?;
        let deadline = deadline.map(MonotonicTime::as_millis);
        let record = deadline.map_or(NO_RECORD, |deadline| {
            self.wheel.schedule(number, deadline, &View::new(&self.hash, &self.index, &self.slots))
        });
        self.open += 1;
        let slot = self.slots.get_mut(number)?;
        (slot.deadline, slot.record) = (deadline.unwrap_or(0), record);
        // Always true: checking it spares the drop of the old content, and with it a copy of the new one.
        if slot.content.is_none() {
            slot.content = Some((id.map(Into::into), value));
        }
        Some(slot.key(number))
    }
}

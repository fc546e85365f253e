//! Operations on many entries at once, with group prefetching: for a group of ids everything that will be read is prefetched
//! before the first one is looked up, so that their cache misses overlap. With a million entries that is where the time goes.

use std::hash::Hash;

use super::{
    InFlight, Key, Lookup,
    index::{self, NO_TAG},
    lists::Record,
    wheel::NO_RECORD,
};
use crate::MonotonicTime;

/// Ids of one group.
const GROUP: usize = 32;

/// A group of ids that are being looked up.
struct Group {
    len: usize,
    tags: [u32; GROUP],
    /// The first slot under each tag: mostly the right one.
    slots: [Option<u32>; GROUP],
}

impl<K: Hash + Eq, V> InFlight<K, V> {
    /// [`insert`](Self::insert)s many entries, with prefetching. Appends one result for each. Iterates over the entries twice.
    ///
    /// ```
    /// use setpoint::{MonotonicTime, inflight::InFlight};
    ///
    /// let deadline = MonotonicTime::from_millis(500);
    /// let mut calls = InFlight::new([7; 32]);
    /// let mut results = Vec::new();
    /// calls.insert_each(["r1", "r2", "r1"].map(|id| (id, deadline, ())), &mut results);
    /// assert_eq!((calls.len(), results[2]), (2, Err(results[0].ok())));
    /// ```
    pub fn insert_each<Q: Lookup<K> + Into<K>>(
        &mut self,
        entries: impl IntoIterator<Item = (Q, MonotonicTime, V), IntoIter: Clone>,
        results: &mut Vec<Result<Key, Option<Key>>>,
    ) {
        let mut entries = entries.into_iter();
        entries.clone().take(GROUP).for_each(|(id, ..)| id.prefetch());
        loop {
            let mut tags = [0; GROUP];
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
            entries.clone().skip(n).take(GROUP).for_each(|(id, ..)| id.prefetch());
            for (tag, (id, deadline, value)) in tags[..n].iter().zip(entries.by_ref()) {
                results.push(self.insert_tagged(id, *tag, Some(deadline), value));
            }
        }
    }

    /// [`find`](Self::find)s many ids, with prefetching. Appends one key for each, `None` also where the id is `None`. Iterates over the
    /// ids twice.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// let key = calls.insert("r1", None, ()).expect("a fresh id");
    /// let mut keys = Vec::new();
    /// calls.find_each([Some("r2"), None, Some("r1")], &mut keys);
    /// assert_eq!(keys, [None, None, Some(key)]);
    /// ```
    pub fn find_each<Q: Lookup<K>>(
        &self,
        ids: impl IntoIterator<Item = Option<Q>, IntoIter: Clone>,
        keys: &mut Vec<Option<Key>>,
    ) {
        let mut ids = ids.into_iter();
        ids.clone().take(GROUP).flatten().for_each(|id| id.prefetch());
        loop {
            let group = self.prefetch_group(ids.clone());
            if group.len == 0 {
                return;
            }
            ids.clone().skip(group.len).take(GROUP).flatten().for_each(|id| id.prefetch());
            let each = group.tags[..group.len].iter().zip(group.slots);
            for ((tag, slot), id) in each.zip(ids.by_ref()) {
                let first = |id: &Q| slot.and_then(|slot| self.key_if(slot, id));
                keys.push(id.and_then(|id| first(&id).or_else(|| self.find_tagged(*tag, &id))));
            }
        }
    }

    /// [`take`](Self::take)s many ids, with prefetching. Appends one value, or `None`, for each. Iterates over the ids twice.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// calls.insert("r1", None, "start").expect("a fresh id");
    /// let mut values = Vec::new();
    /// calls.take_each(["r1", "r2"], &mut values);
    /// assert_eq!(values, [Some("start"), None]);
    /// ```
    pub fn take_each<Q: Lookup<K>>(
        &mut self,
        ids: impl IntoIterator<Item = Q, IntoIter: Clone>,
        values: &mut Vec<Option<V>>,
    ) {
        let mut ids = ids.into_iter();
        ids.clone().take(GROUP).for_each(|id| id.prefetch());
        loop {
            let group = self.prefetch_group(ids.clone().map(Some));
            if group.len == 0 {
                return;
            }
            ids.clone().skip(group.len).take(GROUP).for_each(|id| id.prefetch());
            for (tag, id) in group.tags[..group.len].iter().zip(ids.by_ref()) {
                values.push(self.take_tagged(*tag, &id));
            }
        }
    }

    /// Removes the entries that ended first until at most `most` ended ones are left, with prefetching. Drops their values.
    ///
    /// ```
    /// use setpoint::inflight::InFlight;
    ///
    /// let mut calls = InFlight::new([7; 32]);
    /// for id in ["r1", "r2", "r3"] {
    ///     let key = calls.insert(id, None, ()).expect("a fresh id");
    ///     calls.end(key);
    /// }
    /// calls.forget_beyond(1);
    /// assert_eq!((calls.n_ended(), calls.find(&"r2"), calls.find(&"r3").is_some()), (1, None, true));
    /// ```
    pub fn forget_beyond(&mut self, most: usize) {
        while self.ended > most {
            let mut group = [(Record::default(), 0); GROUP];
            let mut n = 0;
            for member in group.iter_mut().take(self.ended - most) {
                let Some(record) = self.wheel.pop_ended() else { break };
                let Some((id, _)) = self.slots.of_record(record).and_then(|slot| slot.content.as_ref()) else {
                    continue;
                };
                let tag = id.as_ref().map_or(NO_TAG, |id| self.tag(id));
                self.index.prefetch(tag);
                *member = (record, tag);
                n += 1;
            }
            self.prefetch_ended();
            for (Record { slot, .. }, tag) in group.iter().filter(|(record, _)| record.generation != NO_RECORD) {
                if *tag != NO_TAG {
                    self.index.remove(*tag, *slot);
                }
                self.vacate(*slot);
            }
            if n == 0 && self.wheel.first_ended().next().is_none() {
                break;
            }
        }
        self.prefetch_ended();
    }

    /// Prefetches the entries that will be forgotten next, mostly by the next call.
    fn prefetch_ended(&self) {
        self.wheel.first_ended().take(GROUP).for_each(|record| self.slots.prefetch(record.slot));
    }

    /// Hashes a group of ids, and prefetches first their buckets and then their slots.
    #[inline]
    fn prefetch_group<Q: Lookup<K>>(&self, ids: impl Iterator<Item = Option<Q>>) -> Group {
        let mut homes = [None; GROUP];
        let mut group = Group { len: 0, tags: [0; GROUP], slots: [None; GROUP] };
        for ((tag, home), id) in group.tags.iter_mut().zip(&mut homes).zip(ids) {
            if let Some(id) = id {
                *tag = self.tag(&id);
                *home = self.index.home(*tag);
            }
            group.len += 1;
        }
        for ((slot, home), tag) in group.slots.iter_mut().zip(&homes[..group.len]).zip(group.tags) {
            *slot = home.and_then(|home: index::Home<'_>| home.first(tag));
            slot.iter().for_each(|slot| self.slots.prefetch(*slot));
        }
        group
    }
}

//! A hash map whose copies share what they have in common.

use std::{
    hash::{BuildHasher, RandomState},
    mem,
    sync::Arc,
};

use hashbrown::{HashTable, hash_table::Entry};

/// Entries of a shard, on average, above which the number of shards is doubled: a write copies one shard.
const SHARD_ENTRIES: usize = 64;

/// A map by text. A copy of it costs a pointer per shard; a write to a map with copies costs a copy of one shard.
///
/// Lookups hash once, under a key of this map's own: the text may come from outside.
#[derive(Debug, Clone)]
pub(crate) struct SharedMap<V> {
    hasher: RandomState,
    /// A power of two of them.
    shards: Vec<Arc<Shard<V>>>,
    len: usize,
}

type Shard<V> = HashTable<(Arc<str>, V)>;

impl<V> Default for SharedMap<V> {
    fn default() -> Self {
        Self { hasher: RandomState::new(), shards: vec![Arc::new(HashTable::new())], len: 0 }
    }
}

impl<V> SharedMap<V> {
    pub(crate) fn get(&self, key: &str) -> Option<&V> {
        let hash = self.hasher.hash_one(key);
        self.shards[self.shard(hash)].find(hash, |(other, _)| &**other == key).map(|(_, value)| value)
    }

    /// In no particular order.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&Arc<str>, &V)> {
        self.shards.iter().flat_map(|shard| shard.iter()).map(|(key, value)| (key, value))
    }

    /// The table within a shard takes its place from the lowest bits and its tag from the highest: these are others.
    fn shard(&self, hash: u64) -> usize {
        (hash >> 32) as usize & (self.shards.len() - 1)
    }
}

impl<V: Clone> SharedMap<V> {
    /// The value, to be changed; `None` if there is none.
    pub(crate) fn get_mut(&mut self, key: &str) -> Option<&mut V> {
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        // Nothing is copied for a key that is not there.
        self.shards[shard].find(hash, |(other, _)| &**other == key)?;
        Arc::make_mut(&mut self.shards[shard]).find_mut(hash, |(other, _)| &**other == key).map(|(_, value)| value)
    }

    /// Sets the value of a key. What it was before.
    pub(crate) fn insert(&mut self, key: Arc<str>, value: V) -> Option<V> {
        if let Some(old) = self.get_mut(&key) {
            return Some(mem::replace(old, value));
        }
        self.make_room();
        self.insert_new(key, value);
        self.len += 1;
        None
    }

    /// The value of a key, which is made if there is none yet.
    pub(crate) fn entry(&mut self, key: &str) -> &mut V
    where
        V: Default,
    {
        self.make_room();
        let hash = self.hasher.hash_one(key);
        let shard = self.shard(hash);
        let hasher = &self.hasher;
        let entry = Arc::make_mut(&mut self.shards[shard]).entry(
            hash,
            |(other, _)| &**other == key,
            |(key, _)| hasher.hash_one(&**key),
        );
        if let Entry::Vacant(_) = &entry {
            self.len += 1;
        }
        &mut entry.or_insert_with(|| (key.into(), V::default())).into_mut().1
    }

    fn make_room(&mut self) {
        if self.len >= self.shards.len() * SHARD_ENTRIES {
            self.double();
        }
    }

    fn insert_new(&mut self, key: Arc<str>, value: V) {
        let hash = self.hasher.hash_one(&*key);
        let shard = self.shard(hash);
        let hasher = &self.hasher;
        Arc::make_mut(&mut self.shards[shard]).insert_unique(hash, (key, value), |(key, _)| hasher.hash_one(&**key));
    }

    fn double(&mut self) {
        let doubled = (0..self.shards.len() * 2).map(|_| Arc::default()).collect();
        for shard in mem::replace(&mut self.shards, doubled) {
            match Arc::try_unwrap(shard) {
                Ok(shard) => shard.into_iter().for_each(|(key, value)| self.insert_new(key, value)),
                Err(shared) => shared.iter().for_each(|(key, value)| self.insert_new(Arc::clone(key), value.clone())),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    #[test]
    fn it_holds_what_a_map_of_the_standard_library_holds() {
        let mut map = SharedMap::default();
        let mut model = HashMap::new();
        for n in 0..5_000_u32 {
            let key = format!("key-{}", n % 3_500);
            assert_eq!(map.insert(key.as_str().into(), n), model.insert(key, n));
        }
        assert_eq!(map.len, model.len());
        for (key, value) in &model {
            assert_eq!(map.get(key), Some(value));
        }
        let listed: HashMap<_, _> = map.iter().map(|(key, value)| (key.to_string(), *value)).collect();
        assert_eq!(listed, model);
        assert_eq!(map.get("other"), None);
    }

    #[test]
    fn a_copy_stays_as_it_was_and_shares_what_is_unchanged() {
        let mut map = SharedMap::default();
        for n in 0..1_000 {
            map.insert(format!("{n}").into(), n);
        }
        let copy = map.clone();
        *map.get_mut("7").unwrap() = 70;
        assert_eq!(map.get_mut("no such key"), None);
        *map.entry("8") = 80;
        assert_eq!((copy.get("7"), copy.get("8")), (Some(&7), Some(&8)));
        assert_eq!((map.get("7"), map.get("8")), (Some(&70), Some(&80)));
        let shared = map.shards.iter().zip(&copy.shards).filter(|(one, other)| Arc::ptr_eq(one, other)).count();
        assert!(shared >= map.shards.len() - 2, "{shared} of {} shards", map.shards.len());
        for n in 1_000..2_000 {
            map.insert(format!("{n}").into(), n);
        }
        assert_eq!((copy.len, copy.get("1500")), (1_000, None));
        assert_eq!((map.len, map.get("1500")), (2_000, Some(&1_500)));
    }
}

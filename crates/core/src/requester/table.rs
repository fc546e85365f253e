//! Request ids, open and ended, and where each belongs.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{Family, inflight::Key, secret::KeyedHash};

use super::ItemRef;

/// Every request id that is known here, by family.
#[derive(Debug)]
pub(super) struct Table {
    ids: [HashMap<Arc<str>, Place, KeyedHash>; 2],
    /// Ended ids, the oldest first.
    ended: VecDeque<(Family, Arc<str>)>,
    bound: usize,
}

/// What a request id stands for.
#[derive(Debug)]
pub(super) enum Place {
    /// An item that has not ended.
    Open(Key),
    /// An item that has.
    Ended(Ended),
}

/// An ended item, so that a further reply is known for what it is.
#[derive(Debug)]
pub(super) struct Ended {
    pub(super) item: ItemRef,
    /// Digest of the outcome that was heard last; `None` if none was.
    pub(super) heard: Option<u64>,
}

impl Table {
    pub(super) fn new(bound: usize, hash: KeyedHash) -> Self {
        Self { ids: [HashMap::with_hasher(hash), HashMap::with_hasher(hash)], ended: VecDeque::new(), bound }
    }

    pub(super) fn get(&self, family: Family, request_id: &str) -> Option<&Place> {
        self.ids[family as usize].get(request_id)
    }

    pub(super) fn ended_mut(&mut self, family: Family, request_id: &str) -> Option<&mut Ended> {
        match self.ids[family as usize].get_mut(request_id)? {
            Place::Open(_) => None,
            Place::Ended(ended) => Some(ended),
        }
    }

    pub(super) fn open(&mut self, family: Family, request_id: Arc<str>, key: Key) {
        self.ids[family as usize].insert(request_id, Place::Open(key));
    }

    /// Remembers how an open item ended.
    pub(super) fn end(&mut self, family: Family, request_id: &Arc<str>, ended: Ended) {
        if cfg!(feature = "canary-ended-forgotten") {
            return self.free(family, request_id);
        }
        self.ids[family as usize].insert(Arc::clone(request_id), Place::Ended(ended));
        self.ended.push_back((family, Arc::clone(request_id)));
        while self.ended.len() > self.bound {
            if let Some((family, oldest)) = self.ended.pop_front() {
                self.ids[family as usize].remove(&oldest);
            }
        }
    }

    /// Frees the id of an item that was refused: nothing will be heard of it, and it may be sent again.
    pub(super) fn free(&mut self, family: Family, request_id: &str) {
        self.ids[family as usize].remove(request_id);
    }
}

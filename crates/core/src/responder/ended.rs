//! The bounded record of ended items, so that late and duplicate answers are known as such.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{MessageId, secret::KeyedHash};

use super::{FinalOutcome, StoredCommand};

/// The newest ended items, by message id.
#[derive(Debug)]
pub(super) struct EndedItems {
    bound: usize,
    items: HashMap<MessageId, EndedItem, KeyedHash>,
    order: VecDeque<MessageId>,
}

#[derive(Debug)]
pub(super) struct EndedItem {
    pub(super) command: Arc<StoredCommand>,
    pub(super) outcome: Arc<FinalOutcome>,
    /// Digest of the answer that was heard last; `None` if none was.
    pub(super) heard: Option<u64>,
}

impl EndedItems {
    pub(super) fn new(bound: usize, hash: KeyedHash) -> Self {
        Self { bound, items: HashMap::with_hasher(hash), order: VecDeque::new() }
    }

    pub(super) fn get_mut(&mut self, message_id: MessageId) -> Option<&mut EndedItem> {
        self.items.get_mut(&message_id)
    }

    pub(super) fn get(&self, message_id: MessageId) -> Option<&EndedItem> {
        self.items.get(&message_id)
    }

    pub(super) fn insert(&mut self, message_id: MessageId, item: EndedItem) {
        if self.items.insert(message_id, item).is_none() {
            self.order.push_back(message_id);
        }
        while self.order.len() > self.bound {
            if let Some(oldest) = self.order.pop_front() {
                self.items.remove(&oldest);
            }
        }
    }
}

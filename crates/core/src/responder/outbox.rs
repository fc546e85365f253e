//! Finals on their way to their channels.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{Family, inflight::Key, secret::KeyedHash};

use super::{PublicationId, StoredCommand};

/// Names a channel within its org.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ChannelKey {
    pub(super) org_id: Arc<str>,
    pub(super) family: Family,
    pub(super) channel_id: Arc<str>,
}

impl Hash for ChannelKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // The family follows from the id: two of them under one id are hardly worth telling apart here.
        state.write(self.channel_id.as_bytes());
        state.write(self.org_id.as_bytes());
    }
}

impl ChannelKey {
    pub(super) fn of(command: &StoredCommand) -> Self {
        Self {
            org_id: Arc::clone(&command.org_id),
            family: command.family,
            channel_id: Arc::clone(&command.channel_id),
        }
    }
}

/// The outbox: per channel, how many items are not yet published, and which finals wait for their turn.
#[derive(Debug)]
pub(super) struct Outbox {
    channels: HashMap<ChannelKey, Channel, KeyedHash>,
    /// Messages that are not confirmed, and the items whose finals they carry.
    publications: BTreeMap<PublicationId, Vec<Key>>,
    newest: u64,
}

#[derive(Debug, Default)]
struct Channel {
    /// Accepted items that are not yet published.
    open: usize,
    /// Stored finals, in the order in which they were decided.
    waiting: VecDeque<Key>,
}

impl Outbox {
    pub(super) fn new(hash: KeyedHash) -> Self {
        Self { channels: HashMap::with_hasher(hash), publications: BTreeMap::new(), newest: 0 }
    }

    /// Accepted items on the channel that are not yet published.
    pub(super) fn n_open(&self, channel: &ChannelKey) -> usize {
        self.channels.get(channel).map_or(0, |channel| channel.open)
    }

    /// Counts one more item.
    pub(super) fn open(&mut self, channel: ChannelKey) {
        self.channels.entry(channel).or_default().open += 1;
    }

    /// Counts one item less: it is published, or never will be.
    pub(super) fn close(&mut self, channel: &ChannelKey) {
        if let Some(entry) = self.channels.get_mut(channel) {
            entry.open = entry.open.saturating_sub(1);
            if entry.open == 0 && entry.waiting.is_empty() {
                self.channels.remove(channel);
            }
        }
    }

    /// Queues a final; `true` if none was waiting, so that the channel itself has to be queued.
    pub(super) fn push(&mut self, channel: &ChannelKey, key: Key) -> bool {
        let waiting = &mut self.channels.entry(channel.clone()).or_default().waiting;
        waiting.push_back(key);
        waiting.len() == 1
    }

    /// Takes the next final of the channel.
    pub(super) fn pop(&mut self, channel: &ChannelKey) -> Option<Key> {
        self.channels.get_mut(channel)?.waiting.pop_front()
    }

    /// Whether finals of the channel are waiting.
    pub(super) fn is_waiting(&self, channel: &ChannelKey) -> bool {
        self.channels.get(channel).is_some_and(|channel| !channel.waiting.is_empty())
    }

    /// Gives the message that carries these finals a name.
    pub(super) fn publish(&mut self, finals: Vec<Key>) -> PublicationId {
        self.newest += 1;
        let publication = PublicationId(self.newest);
        self.publications.insert(publication, finals);
        publication
    }

    /// Takes the finals of a message that is confirmed now; none if it was confirmed before.
    pub(super) fn take(&mut self, publication: PublicationId) -> Vec<Key> {
        self.publications.remove(&publication).unwrap_or_default()
    }
}

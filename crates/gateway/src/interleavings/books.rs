//! Records what the store, the links and the callers observe, and checks each observation against those before.

use std::collections::{BTreeMap, BTreeSet};

use setpoint::{
    MessageId,
    responder::{PublicationId, Record},
};
use setpoint_store::Entry;

#[derive(Debug, Default)]
pub(super) struct Books {
    /// By request id: the message id of the accepted item.
    accepted: BTreeMap<String, MessageId>,
    intended: BTreeSet<MessageId>,
    decided: BTreeSet<MessageId>,
    /// Commands that a device may have got.
    handed_over: BTreeSet<MessageId>,
    publications: BTreeSet<PublicationId>,
    /// By request id: how often its final was published.
    published: BTreeMap<String, u32>,
    /// Channel messages in the order in which they were published.
    pub(super) messages: Vec<String>,
    /// By request id: how often it was sent.
    pub(super) sent: BTreeMap<String, u32>,
    /// The gateway was told to stop, or has failed: it may refuse.
    pub(super) stopping: bool,
    /// The next commit fails.
    pub(super) store_breaks: bool,
    pub(super) store_failed: bool,
}

impl Books {
    /// The store has kept an entry.
    pub(super) fn keep(&mut self, entry: &Entry) {
        let Entry::Engine(record) = entry else { return };
        match record {
            Record::Accepted(command) => {
                let other = self.accepted.insert(command.request_id.to_string(), command.message_id);
                assert_eq!(other, None, "{} was accepted twice", command.request_id);
            }
            Record::Intent { message_id } => {
                assert!(self.accepted.values().any(|id| id == message_id), "{message_id}: not accepted");
                self.intended.insert(*message_id);
            }
            Record::Final { message_id, .. } => {
                assert!(self.decided.insert(*message_id), "{message_id} has two finals");
            }
            _ => {}
        }
    }

    /// A command came to the link.
    pub(super) fn command(&self, message_id: MessageId) {
        assert!(self.intended.contains(&message_id), "{message_id} is handed over, and its intent is not stored");
    }

    /// A device may have got it.
    pub(super) fn may_have_arrived(&mut self, message_id: MessageId) {
        assert!(self.handed_over.insert(message_id), "{message_id} is handed over twice");
    }

    /// A channel message was published, with the finals of these items.
    pub(super) fn publish(&mut self, publication: PublicationId, message: String, ids: &[String]) {
        assert!(self.publications.insert(publication), "{publication:?} is published twice");
        for id in ids {
            let decided = self.accepted.get(id).is_some_and(|message_id| self.decided.contains(message_id));
            assert!(decided, "the final of {id} is published, and not stored");
            let times = self.published.entry(id.clone()).or_default();
            *times += 1;
            // Whoever sends an item again that has ended may have missed its final, and gets it once more.
            assert!(*times <= self.sent[id], "the final of {id} is published {times} times");
        }
        self.messages.push(message);
    }

    /// A caller was told that all of its items are accepted.
    pub(super) fn answered(&self, ids: &[String]) {
        for id in ids {
            assert!(self.accepted.contains_key(id), "{id} is answered, and not stored");
        }
    }

    /// A batch was accepted as a whole or not at all.
    pub(super) fn whole_or_not_at_all(&self, ids: &[String]) {
        let kept = ids.iter().filter(|id| self.accepted.contains_key(*id)).count();
        assert!(kept == 0 || kept == ids.len(), "of {ids:?} {kept} were accepted");
    }

    /// What was decided has been published: nothing waits any more.
    pub(super) fn decided_is_published(&self) {
        for (id, message_id) in &self.accepted {
            if self.decided.contains(message_id) {
                assert!(self.published.contains_key(id), "the final of {id} is decided and was not published");
            }
        }
    }

    /// Everything that was accepted has ended.
    pub(super) fn accepted_is_decided(&self) {
        for (id, message_id) in &self.accepted {
            assert!(self.decided.contains(message_id), "{id} was accepted and has no final");
        }
    }
}

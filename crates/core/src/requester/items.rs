//! The life of items and batches: accepted, ended, forgotten.

use crate::{Family, Now, inflight::Key};

use super::{
    Event, ItemRef, Outcome, Refused, RequestBatchId, Requester, Summary, incoming::Digest, register::deadline,
};

/// Entries of the direct-mapped cache from batch ids to keys.
pub(super) const RECENT: usize = 256;

#[derive(Debug)]
pub(super) struct Item {
    pub(super) batch: RequestBatchId,
    /// Its position in the batch.
    pub(super) index: u32,
    pub(super) state: State,
}

#[derive(Debug)]
pub(super) enum State {
    Open {
        timeout_ms: u32,
        /// Whether the service is known to have accepted it.
        accepted: bool,
    },
    Ended {
        /// Digest of the last outcome that came for it, if any did.
        last_outcome: Option<Digest>,
    },
}

#[derive(Debug)]
pub(super) struct Batch {
    pub(super) family: Family,
    /// The slots of its items, by index. That of an ended item may have been reused.
    pub(super) slots: Vec<u32>,
    pub(super) open: usize,
    pub(super) attempts: u32,
    pub(super) summary: Summary,
}

/// How an item ends. `O` is the type of outcomes, owned or borrowed.
pub(super) enum End<O = Outcome> {
    Refused(Refused),
    Finished { outcome: O, digest: Digest, is_success: bool },
    TimedOut { known_unsent: bool, said: Option<(O, Digest)> },
    Cancelled,
}

impl Requester {
    pub(super) fn restart_deadline(&mut self, key: Key, now: Now) {
        if let Some(Item { state: State::Open { timeout_ms, .. }, .. }) = self.items.get(key) {
            let deadline = deadline(*timeout_ms, self.config.grace_ms, now);
            self.items.reschedule(key, deadline);
        }
    }

    pub(super) fn batch(&self, batch: RequestBatchId) -> Option<&Batch> {
        self.batches.get(self.batches.find(&batch)?)
    }

    pub(super) fn find_batch(&mut self, batch: RequestBatchId) -> Option<Key> {
        let recent = &mut self.recent[batch.0 as usize % RECENT];
        // Batch ids are never reused, so the key of a batch that is done is stale and finds nothing.
        if let Some((_, key)) = recent.filter(|(id, _)| *id == batch) {
            return Some(key);
        }
        let key = self.batches.find(&batch)?;
        *recent = Some((batch, key));
        Some(key)
    }

    pub(super) fn keys_of(&self, batch: RequestBatchId) -> Vec<Key> {
        let slots = self.batch(batch).map(|batch| batch.slots.as_slice()).unwrap_or_default();
        (0..).zip(slots).filter_map(|(index, slot)| self.key_in_slot(*slot, batch, index)).collect()
    }

    /// The key of an item, if it still is in this slot.
    pub(super) fn key_in_slot(&self, slot: u32, batch: RequestBatchId, index: u32) -> Option<Key> {
        let key = self.items.key_of_slot(slot)?;
        self.items.get(key).filter(|item| (item.batch, item.index) == (batch, index)).map(|_| key)
    }

    pub(super) fn item_ref(&self, key: Key) -> Option<ItemRef> {
        let Item { batch, index, .. } = *self.items.get(key)?;
        Some(ItemRef { batch, index: index as usize, id: self.items.id(key).cloned() })
    }

    pub(super) fn is_accepted(&self, key: Key) -> bool {
        matches!(self.items.get(key), Some(Item { state: State::Open { accepted: true, .. }, .. }))
    }

    /// Notes that the service has accepted the item.
    pub(super) fn accept(&mut self, key: Key) {
        let Some(Item { batch, state: State::Open { accepted, .. }, .. }) = self.items.get_mut(key) else { return };
        if std::mem::replace(accepted, true) {
            return;
        }
        let batch = *batch;
        if let Some(batch) = self.find_batch(batch).and_then(|key| self.batches.get_mut(key)) {
            batch.summary.accepted += 1;
        }
        self.events.extend(self.item_ref(key).map(|item| Event::Accepted { item }));
    }

    /// [`end`](Self::end), with events that are queued.
    pub(super) fn end_queued(&mut self, key: Key, end: End) {
        let mut events = std::mem::take(&mut self.events);
        self.end(key, end, |event| events.push_back(event));
        self.events = events;
    }

    /// Ends the item, if it is open.
    pub(super) fn end<O>(&mut self, key: Key, end: End<O>, mut emit: impl FnMut(Event<O>)) {
        let Some((id, entry)) = self.items.get_open(key) else { return };
        let Item { batch: batch_id, index, state } = entry;
        let was_accepted = matches!(state, State::Open { accepted: true, .. });
        let last_outcome = match &end {
            End::Finished { digest, .. } | End::TimedOut { said: Some((_, digest)), .. } => Some(*digest),
            _ => None,
        };
        *state = State::Ended { last_outcome };
        let batch_id = *batch_id;
        let item = ItemRef { batch: batch_id, index: *index as usize, id: id.cloned() };
        let Some(batch_key) = self.find_batch(batch_id) else { return };
        let Some(batch) = self.batches.get_mut(batch_key) else { return };
        let summary = &mut batch.summary;
        // An outcome that overtakes the response implies that the item was accepted.
        if last_outcome.is_some() && !was_accepted {
            summary.accepted += 1;
        }
        // No reply can come for an item without an id, and the id of a refused one may be used again.
        let mut forget = item.id.is_none();
        emit(match end {
            End::Refused(refusal) => {
                summary.refused += 1;
                forget = true;
                Event::Refused { item, refusal }
            }
            End::Finished { outcome, is_success, .. } => {
                if is_success {
                    summary.succeeded += 1;
                } else {
                    summary.failed += 1;
                }
                Event::Finished { item, outcome }
            }
            End::TimedOut { known_unsent, said } => {
                summary.timed_out += 1;
                let outcome = said.map(|(outcome, _)| outcome);
                Event::TimedOut { item, known_unsent, outcome }
            }
            End::Cancelled => {
                summary.cancelled += 1;
                Event::Cancelled { item }
            }
        });
        batch.open -= 1;
        if batch.open == 0 {
            let summary = batch.summary;
            self.batches.remove(batch_key);
            emit(Event::BatchDone { batch: batch_id, summary });
        }
        if forget {
            self.items.remove(key);
            return;
        }
        self.items.end(key);
    }

    /// Forgets the oldest ended items beyond the bound. Once at the end of a call, because removing many at once costs less.
    pub(super) fn forget(&mut self) {
        self.items.forget_beyond(self.config.remembered);
    }
}

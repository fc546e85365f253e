//! Registers the items of a batch before it is sent.

use crate::{
    Family, MonotonicTime, Now,
    inflight::{IdRef, Key},
};

use super::{Batch, Item, RequestBatchId, Requester, State, SubmitError, Summary, body::Outline};

impl Requester {
    /// Registers the items of a body that is about to be sent. On error nothing is kept.
    pub(super) fn register(
        &mut self,
        family: Family,
        outlines: Vec<Outline<'_>>,
        now: Now,
    ) -> Result<RequestBatchId, SubmitError> {
        let batch = RequestBatchId(self.newest + 1);
        let item = |index: usize, outline: &Outline<'_>| {
            let state = State::Open { timeout_ms: outline.timeout_ms, accepted: false };
            Item { batch, index: index as u32, state }
        };
        let is_named = |outline: &Outline<'_>| outline.request_id.is_some();
        let grace_ms = self.config.grace_ms;
        let named =
            outlines.iter().enumerate().filter(|(_, outline)| is_named(outline)).filter_map(|(index, outline)| {
                let id = IdRef { space: family as u8, text: outline.request_id.as_deref()?.into() };
                Some((id, deadline(outline.timeout_ms, grace_ms, now), item(index, outline)))
            });
        let mut results = Vec::with_capacity(outlines.len());
        self.items.follow(now.instant);
        self.items.insert_each(named, &mut results);

        let mut results = results.into_iter();
        let mut slots = Vec::with_capacity(outlines.len());
        let mut shared = Vec::new();
        for (index, outline) in outlines.iter().enumerate() {
            let result = if is_named(outline) { results.next() } else { None };
            let key = match result {
                Some(Ok(key)) => Some(key),
                other => {
                    let other = other.and_then(|result| result.err().flatten());
                    shared.extend(other.map(|key| (index, key)));
                    self.items.insert_nameless(deadline(outline.timeout_ms, grace_ms, now), item(index, outline))
                }
            };
            slots.extend(key.map(Key::slot));
        }
        let is_of_this_batch = |key: Key| self.items.get(key).is_some_and(|item| item.batch == batch);
        if let Some((index, _)) = shared.iter().find(|(_, other)| !is_of_this_batch(*other)) {
            for slot in slots {
                self.items.key_of_slot(slot).and_then(|key| self.items.remove(key));
            }
            let request_id = outlines.get(*index).and_then(|outline| outline.request_id.as_deref());
            let request_id = request_id.unwrap_or_default().to_owned();
            return Err(SubmitError::InUse { index: *index, request_id });
        }
        // An id that several items of the batch share identifies none of them: the service refuses all.
        for (_, key) in shared {
            self.items.unname(key);
        }
        self.newest += 1;
        let summary = Summary { submitted: slots.len(), ..Summary::default() };
        let entry = Batch { family, open: slots.len(), slots, attempts: 1, summary };
        // Always succeeds: batch ids are never reused.
        let inserted = self.batches.insert(batch, None, entry);
        debug_assert!(inserted.is_ok());
        Ok(batch)
    }
}

/// When to give up waiting for an outcome.
pub(super) fn deadline(timeout_ms: u32, grace_ms: u64, now: Now) -> MonotonicTime {
    now.instant.saturating_add(u64::from(timeout_ms)).saturating_add(grace_ms)
}

//! What the requester promises, watched from outside.

use std::collections::BTreeMap;

use setpoint::{
    Family,
    requester::{Event, ItemRef, RequestBatchId, Summary},
};

#[derive(Debug, Default)]
pub(super) struct Watch {
    batches: BTreeMap<RequestBatchId, Batch>,
    /// The batch that is being cancelled.
    pub(super) cancelled: Option<RequestBatchId>,
    /// The batch whose response is being read.
    pub(super) answered: Option<RequestBatchId>,
}

#[derive(Debug)]
struct Batch {
    family: Family,
    items: Vec<State>,
    /// When it was submitted; later its items' timers can only have been set anew.
    since: u64,
    done: bool,
    seen: Summary,
}

#[derive(Debug, Clone, Copy, Default)]
struct State {
    accepted: bool,
    ended: bool,
}

impl Watch {
    pub(super) fn batch(&self, pick: u8) -> RequestBatchId {
        super::pick(self.batches.len(), pick)
    }

    pub(super) fn family(&self, pick: u8) -> Family {
        self.batches.get(&self.batch(pick)).map_or(Family::Invoke, |batch| batch.family)
    }

    pub(super) fn open(&self) -> usize {
        self.batches.values().flat_map(|batch| &batch.items).filter(|item| !item.ended).count()
    }

    pub(super) fn submitted(&mut self, name: RequestBatchId, family: Family, items: usize, now: u64) {
        let mut seen = Summary::default();
        seen.submitted = items;
        let batch = Batch { family, items: vec![State::default(); items], since: now, done: false, seen };
        assert!(self.batches.insert(name, batch).is_none(), "{name:?} twice");
    }

    pub(super) fn see(&mut self, event: &Event, now: u64, grace_ms: u64) {
        match event {
            Event::Accepted { item } => {
                assert_eq!(self.answered, Some(item.batch), "accepted by nobody");
                let (batch, state) = self.open_item(item);
                assert!(!state.accepted, "accepted twice: {item:?}");
                batch.items[item.index].accepted = true;
                batch.seen.accepted += 1;
            }
            Event::Refused { item, .. } => {
                let (batch, state) = self.end(item);
                assert!(!state.accepted, "refused after it was accepted: {item:?}");
                batch.seen.refused += 1;
            }
            Event::Finished { item, outcome } => {
                assert_eq!(item.request_id(), Some(&*outcome.request_id()), "somebody else's outcome");
                let batch = self.hear_of(item);
                assert_eq!(outcome.family(), batch.family);
                if outcome.is_success() {
                    batch.seen.succeeded += 1;
                } else {
                    batch.seen.failed += 1;
                }
            }
            Event::TimedOut { item, known_unsent, outcome } => {
                let batch = if let Some(outcome) = outcome {
                    assert_eq!(item.request_id(), Some(&*outcome.request_id()), "somebody else's outcome");
                    self.hear_of(item)
                } else {
                    assert_eq!(*known_unsent, item.request_id().is_none());
                    let (batch, _) = self.end(item);
                    assert!(now >= batch.since.saturating_add(grace_ms), "given up before its time");
                    batch
                };
                batch.seen.timed_out += 1;
            }
            Event::Cancelled { item } => {
                assert_eq!(self.cancelled, Some(item.batch), "cancelled by nobody");
                self.end(item).0.seen.cancelled += 1;
            }
            Event::Late { item, outcome } | Event::Duplicate { item, outcome, .. } => {
                assert!(self.batches[&item.batch].items[item.index].ended, "late, and yet open: {item:?}");
                assert_eq!(item.request_id(), Some(&*outcome.request_id()));
            }
            Event::BatchDone { batch: name, summary } => {
                let batch = self.batches.get_mut(name).unwrap();
                assert!(batch.items.iter().all(|item| item.ended) && !batch.done, "done early or twice");
                batch.done = true;
                assert_eq!(&batch.seen, summary);
            }
            Event::Unknown { .. } => {}
            Event::Unreadable { reason } => assert!(!reason.is_empty()),
            other => panic!("what is {other:?}?"),
        }
    }

    fn open_item(&mut self, item: &ItemRef) -> (&mut Batch, State) {
        let batch = self.batches.get_mut(&item.batch).expect("an event of no batch");
        let state = batch.items[item.index];
        assert!(!state.ended, "ended twice, or more after its end: {item:?}");
        (batch, state)
    }

    fn end(&mut self, item: &ItemRef) -> (&mut Batch, State) {
        let (batch, state) = self.open_item(item);
        batch.items[item.index].ended = true;
        (batch, state)
    }

    /// An outcome says that its item was accepted, also before the response does.
    fn hear_of(&mut self, item: &ItemRef) -> &mut Batch {
        let (batch, state) = self.end(item);
        batch.seen.accepted += usize::from(!state.accepted);
        batch
    }

    /// Nothing is left: every batch is done.
    pub(super) fn finish(&self) {
        assert!(self.batches.values().all(|batch| batch.done), "never done: {:?}", self.batches);
    }
}

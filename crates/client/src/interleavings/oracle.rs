//! The oracle: what is known to have happened to every item, and therefore which events its stream may have.

use std::collections::HashMap;

use setpoint::requester::{Event, Summary};

/// Timeout, in milliseconds, of an item whose outcome is always in time: far more than all delays together.
pub(super) const PATIENT_MS: u32 = 60_000;

#[derive(Debug, Default)]
pub(super) struct Oracle {
    items: HashMap<String, Item>,
    /// `close` was called: open items may be cancelled.
    pub(super) closing: bool,
    /// The source has ended, or is about to.
    pub(super) source_over: bool,
}

#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Item {
    /// Whether the service accepted it; `None` as long as it has not seen it.
    pub(super) accepted: Option<bool>,
    /// The client has received a response that says so.
    pub(super) answered: bool,
    /// The source has yielded its outcome.
    pub(super) heard: bool,
}

impl Oracle {
    pub(super) fn item(&mut self, id: &str) -> &mut Item {
        self.items.entry(id.to_owned()).or_default()
    }

    /// Checks a stream that was read to its end: every item ended once, and in a way that fits what happened.
    pub(super) fn check(&self, ids: &[(String, u32)], events: &[Event], summary: Summary) {
        let mut ends = vec![None; ids.len()];
        for event in events {
            let (item, end) = match event {
                Event::Accepted { item } => (item, None),
                Event::Refused { item, .. } => (item, Some("refused")),
                Event::Finished { item, outcome } => {
                    assert_eq!(*outcome.request_id(), *ids[item.index].0, "somebody else's outcome");
                    assert!(outcome.output_data().contains(&format!("{:?}", ids[item.index].0)), "{outcome:?}");
                    (item, Some("finished"))
                }
                Event::TimedOut { item, .. } => (item, Some("timed out")),
                Event::Cancelled { item } => (item, Some("cancelled")),
                other => panic!("this event belongs to no stream: {other:?}"),
            };
            assert_eq!(item.request_id(), Some(&*ids[item.index].0));
            assert_eq!(ends[item.index], None, "{} has ended before {event:?}", ids[item.index].0);
            ends[item.index] = end;
        }
        let count = |end| ends.iter().filter(|one| **one == Some(end)).count();
        assert_eq!(
            (summary.submitted, summary.refused, summary.succeeded, summary.timed_out, summary.cancelled),
            (ids.len(), count("refused"), count("finished"), count("timed out"), count("cancelled"))
        );
        for ((id, timeout_ms), end) in ids.iter().zip(ends) {
            let end = end.unwrap_or_else(|| panic!("{id} has not ended"));
            let item = self.items.get(id).copied().unwrap_or_default();
            self.check_end(id, item, *timeout_ms == PATIENT_MS, end);
        }
    }

    fn check_end(&self, id: &str, item: Item, patient: bool, end: &str) {
        let case = format!("{id} is {end}: {item:?}");
        match end {
            "finished" => assert!(item.heard, "{case}"),
            "refused" => assert!(item.accepted != Some(true), "{case}"),
            "cancelled" => assert!(self.closing, "{case}"),
            _ if patient && item.heard => panic!("{case}: its outcome was in time"),
            _ if patient && item.answered && item.accepted == Some(false) => panic!("{case}: it was refused"),
            _ => {}
        }
    }
}

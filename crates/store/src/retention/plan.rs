//! What to drop, and what to append again before.

use std::collections::{BTreeMap, BTreeSet};

use setpoint::{MessageId, responder::Record};

use crate::{AtomicWrite, ChannelRecord, Entry, StoreError, StoreErrorKind};

/// What a store does to let the front of its log go: append [`carry`](Self::carry), where that is not `None`, then drop
/// everything below [`drop_below`](Self::drop_below), in one transaction or in this order.
///
/// ```
/// use setpoint::Now;
/// use setpoint_store::{AtomicWrite, Plan, Retention};
///
/// let plan: Plan = Retention::new().plan(Now::new(0, 0));
/// assert!(plan.is_empty());
/// assert_eq!(plan.carry(|position| unreachable!("{position} is not needed"))?, None);
/// # Ok::<(), setpoint_store::StoreError>(())
/// ```
#[derive(Debug, Default)]
pub struct Plan {
    pub(super) drop_below: u64,
    pub(super) writes: u64,
    pub(super) held: Vec<Held>,
}

/// What holds a write that is to go, with the positions of its records.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Held {
    Channel { saved: u64, org_id: Box<str>, channel_id: Box<str> },
    Item { accepted: u64, message_id: MessageId, intent: Option<u64>, decided: Option<u64> },
}

impl Plan {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.writes == 0
    }

    /// Everything below this position may go. Whatever the log has from there on is to be kept.
    pub fn drop_below(&self) -> u64 {
        self.drop_below
    }

    /// How many writes that is.
    pub fn writes(&self) -> u64 {
        self.writes
    }

    /// The positions of the writes that [`carry`](Self::carry) reads, each once, ascending.
    pub fn carried_from(&self) -> impl Iterator<Item = u64> + use<> {
        let positions: BTreeSet<u64> = self.held.iter().flat_map(Held::positions).collect();
        positions.into_iter()
    }

    /// The write to append before the front goes, made of the writes that `read` reads; `None` if there is nothing to append.
    ///
    /// # Errors
    /// Those of `read`, and [`Damaged`](StoreErrorKind::Damaged) if a write does not have what it had.
    pub fn carry(
        &self,
        mut read: impl FnMut(u64) -> Result<AtomicWrite, StoreError>,
    ) -> Result<Option<AtomicWrite>, StoreError> {
        if self.held.is_empty() {
            return Ok(None);
        }
        let mut found = self.wanted();
        for position in self.carried_from() {
            for entry in read(position)?.entries {
                if let Some(place) = Key::of(&entry).and_then(|key| found.get_mut(&(position, key))) {
                    // The last of its kind counts: of a channel that was changed twice in one write.
                    *place = Some(entry);
                }
            }
        }
        let mut entries = Vec::new();
        for (position, key) in self.held.iter().flat_map(Held::records) {
            let what = || format!("a record that the log had here is gone: {key:?}");
            let entry = found.get_mut(&(position, key.clone())).and_then(Option::take);
            entries.push(entry.ok_or_else(|| StoreError::new(StoreErrorKind::Damaged, what()).at(position))?);
        }
        Ok(Some(AtomicWrite::from(entries)))
    }

    fn wanted(&self) -> BTreeMap<(u64, Key), Option<Entry>> {
        self.held.iter().flat_map(Held::records).map(|record| (record, None)).collect()
    }
}

/// Which record it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Key {
    Accepted(MessageId),
    Intent(MessageId),
    Final(MessageId),
    Channel(Box<str>, Box<str>),
}

impl Key {
    fn of(entry: &Entry) -> Option<Self> {
        match entry {
            Entry::Engine(record @ Record::Accepted(_)) => Some(Self::Accepted(record.message_id())),
            Entry::Engine(record @ Record::Intent { .. }) => Some(Self::Intent(record.message_id())),
            Entry::Engine(record @ Record::Final { .. }) => Some(Self::Final(record.message_id())),
            Entry::Channel(ChannelRecord::Saved { org_id, channel_id, .. }) => {
                Some(Self::Channel(org_id.clone(), channel_id.clone()))
            }
            _ => None,
        }
    }
}

impl Held {
    /// Its records in the order of a replay, each with its position.
    fn records(&self) -> impl Iterator<Item = (u64, Key)> + use<> {
        let records = match self {
            Self::Channel { saved, org_id, channel_id } => {
                [Some((*saved, Key::Channel(org_id.clone(), channel_id.clone()))), None, None]
            }
            Self::Item { accepted, message_id, intent, decided } => [
                Some((*accepted, Key::Accepted(*message_id))),
                intent.map(|position| (position, Key::Intent(*message_id))),
                decided.map(|position| (position, Key::Final(*message_id))),
            ],
        };
        records.into_iter().flatten()
    }

    fn positions(&self) -> impl Iterator<Item = u64> + use<> {
        self.records().map(|(position, _)| position)
    }
}

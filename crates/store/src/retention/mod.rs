//! What of a log may be dropped.

mod clock;
mod plan;
mod rows;

use std::collections::HashMap;

use setpoint::{MessageId, Now, responder::Record};

use crate::{ChannelRecord, Entry};
use clock::BelievedClock;
use plan::Held;
pub use plan::Plan;
use rows::{Index, Rows};

/// Most writes that one plan drops.
const MAX_WRITES: usize = 256;
/// Most items and channels that one plan carries forward, and most bytes of the writes in which they are; one write always goes.
const MAX_CARRIED: u64 = 1_024;
const MAX_CARRIED_BYTES: u64 = 4 << 20;
/// Records are carried forward once the part of the log that is old enough to go has this many entries for each item
/// or channel that holds it back: so what is written again is a fraction of what is freed.
const WORTH: u64 = 8;

/// Follows a log, and says from where on it has to be kept.
///
/// It does no I/O and reads no clock. A store tells it of every write, at replay and after each append, and asks for a
/// [`Plan`] now and then. A log is only ever dropped from its front, since some cannot do otherwise. A record goes with
/// its write:
///
/// - An item holds the write of its acceptance until its end is stored (published, undeliverable) and its
///   `remember_until_epoch_ms` and its deadline have passed. Its later records stand behind that, and may outlive it.
/// - A channel holds the write in which it was saved last, until it is deleted.
/// - What is only audit holds nothing.
///
/// An open item or a channel can hold a write that is old enough to go otherwise (an item whose final nobody takes). So that
/// it does not hold back the writes behind it, its records are carried forward: appended again, all of them, in their order
/// and in one write, before the front is dropped. After a crash between the two the log has them twice; a replay that
/// meets a record again changes nothing.
///
/// It remembers 24 bytes for each write of the log, about 100 for each open item, and each channel.
///
/// ```
/// use setpoint::{MessageId, Now, responder::Record};
/// use setpoint_store::{AtomicWrite, Retention};
///
/// let mut retention = Retention::new();
/// let end = AtomicWrite::of_engine(vec![Record::Published { message_id: MessageId::from_bits(7) }], Vec::new());
/// retention.note(17, &end, 40);
///
/// let plan = retention.plan(Now::new(0, 1_700_000_000_000));
/// assert_eq!((plan.drop_below(), plan.writes()), (18, 1));
/// assert!(plan.carried_from().next().is_none(), "nothing has to be read and appended again");
/// // The store drops everything below 18, and says so:
/// retention.dropped(plan.drop_below());
/// assert!(retention.plan(Now::new(0, 1_700_000_000_000)).is_empty());
/// ```
#[derive(Debug, Default)]
pub struct Retention {
    rows: Rows,
    open: HashMap<MessageId, OpenItem>,
    /// Where each channel was saved last, by org and id.
    channels: HashMap<(Box<str>, Box<str>), Index>,
    clock: BelievedClock,
    /// The longest time from an item's acceptance until it may be forgotten, in milliseconds.
    window_ms: u64,
}

/// Where the records of an item are whose end is not stored.
#[derive(Debug, Clone, Copy)]
struct OpenItem {
    accepted: Index,
    intent: Option<Index>,
    decided: Option<Index>,
}

impl OpenItem {
    /// The first write that has one of its records: the one that it holds.
    fn holds(self) -> Index {
        [self.intent, self.decided].into_iter().flatten().fold(self.accepted, Index::min)
    }
}

impl Retention {
    /// Of an empty log.
    pub fn new() -> Self {
        Self::default()
    }

    /// The log has this write at `position` (that of its first frame), above all earlier ones, in `bytes` bytes.
    pub fn note(&mut self, position: u64, write: &crate::AtomicWrite, bytes: usize) {
        let row = self.rows.push(position, write.len(), bytes);
        for entry in &write.entries {
            match entry {
                Entry::Engine(record) => self.note_record(row, record),
                Entry::Channel(record) => self.note_channel(row, record),
            }
        }
    }

    /// A time that the wall clock has shown before, in epoch milliseconds, kept by the store beside its log. Together with the
    /// times in the records, which [`note`](Self::note) sees, it is what the clock is compared with after a start
    /// ([`plan`](Self::plan)).
    pub fn saw(&mut self, epoch_ms: i64) {
        self.clock.saw(epoch_ms);
    }

    /// What may be dropped at this time.
    ///
    /// A wall clock that has moved by more than an hour against the monotonic one is not believed until it has kept to that
    /// for as long as items are remembered. Until then time goes on as it was, or as the wall clock says if that is earlier.
    /// After a start, the latest time in the log counts as the last reading that was believed.
    pub fn plan(&mut self, now: Now) -> Plan {
        let time_ms = self.clock.read(now, self.window_ms);
        self.rows.expire(time_ms);
        let free = self.rows.free_front(MAX_WRITES);
        if free > 0 {
            return Plan { drop_below: self.rows.position_after(free), writes: free as u64, held: Vec::new() };
        }
        if !self.rows.is_worth_carrying(WORTH) {
            return Plan::default();
        }
        let taken = self.rows.expired_front(MAX_WRITES, MAX_CARRIED, MAX_CARRIED_BYTES);
        let end = self.rows.index_after(taken);
        Plan { drop_below: self.rows.position_after(taken), writes: taken as u64, held: self.held_before(end) }
    }

    /// Everything below `position` was dropped.
    pub fn dropped(&mut self, position: u64) {
        self.rows.drop_below(position);
    }

    /// By how many milliseconds the wall clock has stepped, while the step is not believed.
    pub fn clock_step_ms(&self) -> Option<i64> {
        self.clock.step_ms()
    }

    /// How many items are accepted whose end is not stored.
    pub fn open_items(&self) -> usize {
        self.open.len()
    }

    fn note_record(&mut self, row: Index, record: &Record) {
        let message_id = record.message_id();
        match record {
            Record::Accepted(command) => {
                let accepted_at = command.accepted_at_epoch_ms;
                self.clock.saw(accepted_at);
                let remember_ms = command.remember_until_epoch_ms.saturating_sub(accepted_at);
                self.window_ms = self.window_ms.max(u64::try_from(remember_ms).unwrap_or(0));
                // Before its deadline an item may still have to be sent, in the order of acceptance: it stays in its place.
                let deadline_ms = accepted_at.saturating_add(i64::from(command.timeout_ms));
                self.rows.keep_until(row, command.remember_until_epoch_ms.max(deadline_ms));
                let item = OpenItem { accepted: row, intent: None, decided: None };
                self.change(message_id, |known| known.map_or(item, |known| OpenItem { accepted: row, ..known }));
            }
            Record::Intent { .. } => self.change_known(message_id, |item| item.intent = Some(row)),
            Record::Final { outcome, .. } => {
                self.clock.saw(outcome.decided_at_epoch_ms);
                self.change_known(message_id, |item| item.decided = Some(row));
            }
            Record::Published { .. } | Record::Undeliverable { .. } => {
                if let Some(item) = self.open.remove(&message_id) {
                    self.rows.release(item.holds());
                }
            }
            // What is not known may be needed.
            _ => self.rows.hold(row),
        }
    }

    fn change_known(&mut self, message_id: MessageId, change: impl FnOnce(&mut OpenItem)) {
        if let Some(mut item) = self.open.get(&message_id).copied() {
            change(&mut item);
            self.change(message_id, |_| item);
        }
    }

    /// Inserts or replaces an item, and moves its hold to the write that it holds now.
    fn change(&mut self, message_id: MessageId, make: impl FnOnce(Option<OpenItem>) -> OpenItem) {
        let before = self.open.get(&message_id).copied();
        let after = make(before);
        self.open.insert(message_id, after);
        let before = before.map(OpenItem::holds);
        if before != Some(after.holds()) {
            self.rows.hold(after.holds());
            before.into_iter().for_each(|row| self.rows.release(row));
        }
    }

    fn note_channel(&mut self, row: Index, record: &ChannelRecord) {
        let key = (Box::from(record.org_id()), Box::from(record.channel_id()));
        let before = match record {
            ChannelRecord::Saved { .. } => {
                self.rows.hold(row);
                self.channels.insert(key, row)
            }
            ChannelRecord::Deleted { .. } => self.channels.remove(&key),
        };
        before.into_iter().for_each(|row| self.rows.release(row));
    }

    /// What holds a write before `end`, in the order of those writes.
    fn held_before(&self, end: Index) -> Vec<Held> {
        let position = |row: Index| self.rows.position(row);
        let channels = self.channels.iter().filter(|(_, row)| **row < end).filter_map(|((org_id, channel_id), row)| {
            Some(Held::Channel { org_id: org_id.clone(), channel_id: channel_id.clone(), saved: position(*row)? })
        });
        let items = self.open.iter().filter(|(_, item)| item.holds() < end).filter_map(|(message_id, item)| {
            Some(Held::Item {
                message_id: *message_id,
                accepted: position(item.accepted)?,
                intent: item.intent.and_then(position),
                decided: item.decided.and_then(position),
            })
        });
        let mut held: Vec<_> = channels.chain(items).collect();
        held.sort_unstable();
        held
    }
}

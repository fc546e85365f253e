//! A store that follows its retention, beside a model that remembers everything.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use proptest::{collection::vec, prelude::*, test_runner::TestCaseError};
use setpoint::{
    Code, Device, Family, MessageId, Now,
    responder::{FinalOutcome, Record, ResponderConfig, Restore, StoredCommand},
};
use setpoint_store::{AtomicWrite, ChannelRecord, Entry, Retention};

pub(crate) const START_MS: i64 = 1_700_000_000_000;
pub(crate) const WINDOW_MS: i64 = 100_000;
const TIMEOUT_MS: u32 = 30_000;
/// Entries for each holder from which on old ones have to go: what `Retention` documents.
const WORTH: usize = 8;

#[derive(Debug, Clone)]
pub(crate) enum Op {
    /// A write that accepts this number of items.
    Accept(u8),
    /// A write with the next record of each of these open items.
    Go(Vec<u8>),
    /// The same, up to their ends.
    End(Vec<u8>),
    Save(u8),
    Delete(u8),
    Pass(u32),
    /// Plans are carried out until nothing is left to do; the first is cut off by a crash between its two halves.
    Retire {
        crash: bool,
    },
    Restart,
}

pub(crate) fn op() -> impl Strategy<Value = Op> {
    prop_oneof![
        4 => (1_u8..6).prop_map(Op::Accept),
        3 => vec(any::<u8>(), 1..6).prop_map(Op::Go),
        4 => vec(any::<u8>(), 1..9).prop_map(Op::End),
        1 => (0_u8..4).prop_map(Op::Save),
        1 => (0_u8..4).prop_map(Op::Delete),
        3 => (0_u32..60_000).prop_map(Op::Pass),
        3 => any::<bool>().prop_map(|crash| Op::Retire { crash }),
        1 => Just(Op::Restart),
    ]
}

/// How far an open item is: accepted, intended, decided.
pub(crate) type Open = Vec<(Arc<StoredCommand>, u8)>;

pub(crate) struct World {
    pub(crate) retention: Retention,
    /// What the store keeps.
    pub(crate) log: BTreeMap<u64, AtomicWrite>,
    /// Everything that was ever appended by the service.
    history: Vec<Entry>,
    /// Items that are open, in the order of their acceptance.
    pub(crate) open: Open,
    next: u64,
    items: u64,
    pub(crate) now_ms: i64,
}

impl World {
    pub(crate) fn new() -> Self {
        Self {
            retention: Retention::new(),
            log: BTreeMap::new(),
            history: Vec::new(),
            open: Vec::new(),
            next: 5,
            items: 0,
            now_ms: START_MS,
        }
    }

    pub(crate) fn now(&self) -> Now {
        Now::new((self.now_ms - START_MS).unsigned_abs(), self.now_ms)
    }

    fn store(&mut self, entries: Vec<Entry>) {
        let write = AtomicWrite::from(entries);
        self.retention.note(self.next, &write, 100);
        self.log.insert(self.next, write);
        // Positions ascend and are not dense.
        self.next += 1 + self.next % 3;
    }

    fn append(&mut self, entries: Vec<Entry>) {
        if !entries.is_empty() {
            self.history.extend(entries.iter().cloned());
            self.store(entries);
        }
    }

    fn accept(&mut self) -> Entry {
        self.items += 1;
        let command = Arc::new(StoredCommand {
            message_id: MessageId::from_bits(u128::from(self.items) << 64),
            family: Family::Invoke,
            org_id: "o1".into(),
            request_id: self.items.to_string().into(),
            channel_id: "DATASVC.CONTROL.ops".into(),
            device: Arc::new(Device::new("p", &self.items.to_string(), "")),
            service_name: None,
            target: "start".into(),
            callback_url: None,
            input: None,
            timeout_ms: TIMEOUT_MS,
            gmt_service_request: self.now_ms,
            accepted_at_epoch_ms: self.now_ms,
            remember_until_epoch_ms: self.now_ms + WINDOW_MS,
            fingerprint: u128::from(self.items),
        });
        self.open.push((Arc::clone(&command), 0));
        Entry::Engine(Record::Accepted(command))
    }

    /// The next record of an open item.
    fn advance(&mut self, at: usize) -> Entry {
        let (command, stage) = &mut self.open[at];
        let message_id = command.message_id;
        *stage += 1;
        let record = match stage {
            1 => Record::Intent { message_id },
            2 => {
                let outcome = FinalOutcome {
                    code: Code(0),
                    submsg: "SUCCESS".into(),
                    output: None,
                    device_reply_epoch_ms: self.now_ms,
                    decided_at_epoch_ms: self.now_ms,
                };
                Record::Final { message_id, outcome: Arc::new(outcome) }
            }
            _ => {
                self.open.remove(at);
                Record::Published { message_id }
            }
        };
        Entry::Engine(record)
    }

    pub(crate) fn apply(&mut self, op: Op) -> Result<(), TestCaseError> {
        match op {
            Op::Accept(count) => {
                let entries = (0..count).map(|_| self.accept()).collect();
                self.append(entries);
            }
            Op::Go(which) => {
                // A decided item needs its end from `End`.
                let entries = self.pick(&which, |stage| stage < 2).into_iter().map(|at| self.advance(at)).collect();
                self.append(entries);
            }
            Op::End(which) => {
                // From the last to the first: those that end leave the list.
                let picked: BTreeSet<_> = self.pick(&which, |_| true).into_iter().collect();
                for at in picked.into_iter().rev() {
                    let left = 3 - self.open[at].1;
                    let entries = (0..left).map(|_| self.advance(at)).collect();
                    self.append(entries);
                }
            }
            Op::Save(channel) => {
                let desc = Some(self.history.len().to_string().into());
                self.append(vec![Entry::Channel(ChannelRecord::Saved {
                    org_id: "o1".into(),
                    channel_id: channel.to_string().into(),
                    desc,
                })]);
            }
            Op::Delete(channel) => {
                let channel_id = channel.to_string().into();
                self.append(vec![Entry::Channel(ChannelRecord::Deleted { org_id: "o1".into(), channel_id })]);
            }
            Op::Pass(ms) => self.now_ms += i64::from(ms),
            Op::Restart => self.restart(),
            Op::Retire { crash } => self.retire(crash)?,
        }
        Ok(())
    }

    fn pick(&self, which: &[u8], may: impl Fn(u8) -> bool) -> Vec<usize> {
        let picked = which.iter().filter(|_| !self.open.is_empty()).map(|at| usize::from(*at) % self.open.len());
        picked.filter(|at| may(self.open[*at].1)).collect::<BTreeSet<_>>().into_iter().collect()
    }

    fn restart(&mut self) {
        self.retention = Retention::new();
        for (position, write) in &self.log {
            self.retention.note(*position, write, 100);
        }
        self.retention.saw(self.now_ms);
    }

    fn retire(&mut self, crash: bool) -> Result<(), TestCaseError> {
        for round in 0.. {
            prop_assert!(round < 1_000, "there is always something left to do");
            let plan = self.retention.plan(self.now());
            if plan.is_empty() {
                break;
            }
            let below = self.log.range(..plan.drop_below()).count() as u64;
            prop_assert_eq!(plan.writes(), below, "the plan says how many writes are below its position");
            if let Some(carry) = plan.carry(|position| Ok(self.log[&position].clone())).unwrap() {
                self.store(carry.entries);
            }
            if crash && round == 0 {
                self.restart();
                self.check()?;
                continue;
            }
            self.log = self.log.split_off(&plan.drop_below());
            self.retention.dropped(plan.drop_below());
            self.check()?;
        }
        self.check_dropped()
    }

    /// What the log says is what the whole history says, but for what may be forgotten.
    fn check(&self) -> Result<(), TestCaseError> {
        let kept = self.log.values().flat_map(|write| &write.entries);
        let (all, kept) = (State::of(&self.history), State::of(kept));
        prop_assert_eq!(&all.channels, &kept.channels);
        for (message_id, records) in &all.items {
            let may_go = records.ended && records.remember_until < self.now_ms;
            let found = kept.items.get(message_id);
            prop_assert!(found == Some(records) || (found.is_none() && may_go), "{records:?}, found {found:?}");
        }
        prop_assert!(kept.items.keys().all(|message_id| all.items.contains_key(message_id)));
        prop_assert_eq!(self.retention.open_items(), self.open.len());

        // A responder has the same to do, whichever it is rebuilt from.
        let stats = |entries: &mut dyn Iterator<Item = &Entry>| {
            let mut restore = Restore::new(ResponderConfig::default(), [7; 32], self.now());
            for entry in entries {
                if let Entry::Engine(record) = entry {
                    restore.record(record.clone());
                }
            }
            let responder = restore.finish();
            (responder.stats().pending, responder.stats().outbox, responder.poll_timeout())
        };
        let from_log = stats(&mut self.log.values().flat_map(|write| &write.entries));
        let from_history = stats(&mut self.history.iter());
        prop_assert_eq!((from_log.0, from_log.1), (from_history.0, from_history.1));
        Ok(())
    }

    /// Nothing old is left at the front, unless too much would have to be written again for it.
    fn check_dropped(&self) -> Result<(), TestCaseError> {
        let is_young = |entry: &Entry| matches!(entry, Entry::Engine(Record::Accepted(command)) if command.remember_until_epoch_ms >= self.now_ms);
        let old: Vec<_> = self.log.values().take_while(|write| !write.entries.iter().any(is_young)).collect();
        let open: BTreeSet<_> = self.open.iter().map(|(command, _)| command.message_id).collect();
        let old_entries = old.iter().flat_map(|write| &write.entries);
        let held_items = old_entries
            .clone()
            .filter(|entry| matches!(entry, Entry::Engine(record @ Record::Accepted(_)) if open.contains(&record.message_id())))
            .count();
        let channels = State::of(&self.history).channels.len();
        let count = old_entries.count();
        prop_assert!(
            count < WORTH * (held_items + channels).max(1),
            "{count} old entries, {held_items} held items, {channels} channels"
        );
        Ok(())
    }
}

#[derive(Debug, Default)]
struct State<'a> {
    items: BTreeMap<MessageId, Records<'a>>,
    channels: BTreeMap<&'a str, &'a Entry>,
}

#[derive(Debug, PartialEq, Eq)]
struct Records<'a> {
    accepted: &'a Entry,
    intent: bool,
    decided: Option<&'a Entry>,
    ended: bool,
    remember_until: i64,
}

impl<'a> State<'a> {
    fn of(entries: impl IntoIterator<Item = &'a Entry>) -> Self {
        let mut state = Self::default();
        for entry in entries {
            match entry {
                Entry::Channel(ChannelRecord::Saved { channel_id, .. }) => {
                    state.channels.insert(channel_id, entry);
                }
                Entry::Channel(record) => drop(state.channels.remove(record.channel_id())),
                Entry::Engine(Record::Accepted(command)) => {
                    let remember_until = command.remember_until_epoch_ms;
                    let new = Records { accepted: entry, intent: false, decided: None, ended: false, remember_until };
                    state.items.entry(command.message_id).or_insert(new);
                }
                Entry::Engine(record) => {
                    let Some(item) = state.items.get_mut(&record.message_id()) else { continue };
                    match record {
                        Record::Intent { .. } => item.intent = true,
                        Record::Final { .. } => item.decided = item.decided.or(Some(entry)),
                        _ => item.ended = true,
                    }
                }
                other => panic!("{other:?}"),
            }
        }
        state
    }
}

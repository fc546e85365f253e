//! What may be dropped is dropped, and nothing else.

use std::collections::BTreeMap;

use setpoint::{MessageId, Now, responder::Record};

use super::{
    Subject, Tried, appended, chain, open, replayed,
    samples::{HOUR_MS, Item, START_MS, WINDOW_MS, deleted, saved},
};
use crate::{AtomicWrite, ChannelRecord, Entry, Store};

/// Items accepted in each hour.
const PER_HOUR: u64 = 6;
/// Entries of an item that has ended.
const PER_ITEM: u64 = 4;
/// Channel ids.
const KEPT: &str = "DATASVC.CONTROL.kept";
const CHANGED: &str = "DATASVC.CONTROL.changed";
const DELETED: &str = "DATASVC.CONTROL.deleted";

/// A reading of both clocks, so many hours after the start.
fn hour(hours: i64) -> Now {
    let passed = hours * HOUR_MS;
    Now::new(u64::try_from(passed).unwrap_or_default(), START_MS + passed)
}

/// The state that a replay makes: what a responder would know of each item, and the channels.
#[derive(Debug, Default, PartialEq, Eq)]
struct State {
    items: BTreeMap<MessageId, Known>,
    channels: BTreeMap<Box<str>, Entry>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Known {
    accepted: Entry,
    intent: bool,
    decided: Option<Entry>,
    ended: bool,
}

impl State {
    fn of(entries: Vec<Entry>) -> Self {
        let mut state = Self::default();
        entries.into_iter().for_each(|entry| state.replay(entry));
        state
    }

    /// As the engine does: what is about an unknown item, or known already, changes nothing.
    fn replay(&mut self, entry: Entry) {
        match &entry {
            Entry::Engine(record @ Record::Accepted(_)) => {
                let known = Known { accepted: entry.clone(), intent: false, decided: None, ended: false };
                self.items.entry(record.message_id()).or_insert(known);
            }
            Entry::Engine(record) => {
                if let Some(known) = self.items.get_mut(&record.message_id()) {
                    match record {
                        Record::Intent { .. } => known.intent = true,
                        Record::Final { .. } => known.decided = known.decided.take().or(Some(entry)),
                        _ => known.ended = true,
                    }
                }
            }
            Entry::Channel(record) => match record {
                ChannelRecord::Saved { channel_id, .. } => {
                    drop(self.channels.insert(channel_id.clone(), entry.clone()))
                }
                ChannelRecord::Deleted { channel_id, .. } => drop(self.channels.remove(channel_id)),
            },
        }
    }
}

/// A service at work for days, with two old open items, and what its store must know.
struct History {
    /// Everything that was ever appended.
    all: Vec<Entry>,
    next_item: u64,
}

impl History {
    /// The items that stay open: one decided and never published, one not even decided.
    const UNPUBLISHED: u64 = 1;
    const UNDECIDED: u64 = 2;

    fn start(store: &mut impl Store) -> Result<Self, String> {
        let mut history = Self { all: Vec::new(), next_item: 10 };
        let [unpublished, undecided] = [Self::UNPUBLISHED, Self::UNDECIDED].map(|number| Item::new(number, START_MS));
        history.append(store, vec![saved(KEPT, "first"), saved(CHANGED, "first"), saved(DELETED, "first")])?;
        history.append(store, vec![unpublished.accepted(), undecided.accepted()])?;
        history.append(store, vec![unpublished.intent()])?;
        history.append(store, vec![undecided.intent(), unpublished.decided()])?;
        history.append(store, vec![saved(CHANGED, "second"), deleted(DELETED)])?;
        Ok(history)
    }

    fn append(&mut self, store: &mut impl Store, entries: Vec<Entry>) -> Result<(), String> {
        self.all.extend(entries.iter().cloned());
        appended(store, &[AtomicWrite::from(entries)])
    }

    /// An hour of items that all end.
    fn hour(&mut self, store: &mut impl Store, now: Now) -> Result<(), String> {
        for _ in 0..PER_HOUR {
            let life = Item::new(self.next_item, now.epoch_ms).life();
            self.next_item += 1;
            self.all.extend(life.iter().flat_map(|write| write.entries.iter().cloned()));
            appended(store, &life)?;
        }
        Ok(())
    }

    /// Compares what a store knows with what it must know, and must not have made up, at this time.
    fn expect_state(&self, store: &mut impl Store, now_ms: i64) -> Result<(), String> {
        let (expected, mut found) = (State::of(self.all.clone()), State::of(replayed(store)?));
        if found.channels != expected.channels {
            return Err(format!("the channels should be {:?}, and are {:?}", expected.channels, found.channels));
        }
        for (message_id, known) in expected.items {
            let kept = found.items.remove(&message_id);
            let Entry::Engine(Record::Accepted(command)) = &known.accepted else { continue };
            let may_go = known.ended && command.remember_until_epoch_ms < now_ms;
            if kept.is_none() && may_go {
                continue;
            }
            if kept.as_ref() != Some(&known) {
                let what = if known.ended { "that ended" } else { "that is open" };
                let until = command.remember_until_epoch_ms - now_ms;
                return Err(format!(
                    "an item {what}, to be remembered for another {until} ms, should be {known:?}, and is {kept:?}"
                ));
            }
        }
        match found.items.first_key_value() {
            Some(made_up) => Err(format!("an item that was never appended: {made_up:?}")),
            None => Ok(()),
        }
    }
}

/// Retires until nothing more goes. Gives how many writes went.
fn retire(store: &mut impl Store, now: Now) -> Result<u64, String> {
    let mut dropped = 0;
    for _ in 0..10_000 {
        let retired = store.retire(now).map_err(|error| format!("retire fails: {}", chain(&error)))?;
        dropped += retired.writes;
        if retired.writes == 0 {
            return Ok(dropped);
        }
    }
    Err("retire drops something at each of 10,000 calls at the same time".to_owned())
}

pub(super) fn keeps<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let mut store = open(subject)?;
    let mut history = History::start(&mut store)?;
    for hours in 0..60 {
        history.hour(&mut store, hour(hours))?;
        retire(&mut store, hour(hours))?;
        if hours % 7 == 6 {
            drop(store);
            store = open(subject)?;
            history
                .expect_state(&mut store, hour(hours).epoch_ms)
                .map_err(|what| format!("after {hours} hours, {what}"))?;
        }
    }
    Ok(Tried::Held)
}

pub(super) fn drops<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let in_window = u64::try_from(WINDOW_MS / HOUR_MS).unwrap_or_default() * PER_HOUR * PER_ITEM;
    let mut store = open(subject)?;
    let mut history = History::start(&mut store)?;
    for hours in 0..120 {
        history.hour(&mut store, hour(hours))?;
        retire(&mut store, hour(hours))?;
    }
    let kept = replayed(&mut store)?.len() as u64;
    if kept > 2 * in_window {
        return Err(format!(
            "after 120 hours {kept} entries are kept, and the 24 hours for which items are remembered have {in_window}"
        ));
    }
    // Days later, when all has ended but two items.
    for hours in 120..150 {
        retire(&mut store, hour(hours))?;
    }
    let kept = replayed(&mut store)?.len();
    if kept > 200 {
        Err(format!("two items are open and two channels exist, and {kept} entries are kept"))
    } else {
        Ok(Tried::Held)
    }
}

pub(super) fn carries<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let mut store = open(subject)?;
    let mut history = History::start(&mut store)?;
    // Each time long enough for the open items to stand in the way of everything else.
    for days in 1..6 {
        for hours in 0..4 {
            history.hour(&mut store, hour(days * 48 + hours))?;
        }
        // The clock of a service that runs is read now and then.
        for hours in 0..30 {
            retire(&mut store, hour(days * 48 + hours))?;
        }
        subject.crash(store);
        store = open(subject)?;
        let now = hour(days * 48 + 30);
        history.expect_state(&mut store, now.epoch_ms).map_err(|what| format!("after {days} rounds, {what}"))?;
    }
    // The first of them ends after all.
    let unpublished = Item::new(History::UNPUBLISHED, START_MS);
    history.append(&mut store, vec![unpublished.published()])?;
    history.expect_state(&mut store, hour(300).epoch_ms).map_err(|what| format!("once it has ended, {what}"))?;
    Ok(Tried::Held)
}

pub(super) fn clock_step<S: Subject>(subject: &mut S) -> Result<Tried, String> {
    let mut store = open(subject)?;
    let mut history = History::start(&mut store)?;
    for hours in 0..10 {
        history.hour(&mut store, hour(hours))?;
        retire(&mut store, hour(hours))?;
    }
    let (right, mut wrong) = (hour(11), hour(11));
    wrong.epoch_ms += 400 * HOUR_MS;
    retire(&mut store, wrong)?;
    let told = store.retire(wrong).map_err(|error| format!("retire fails: {}", chain(&error)))?.clock_step_ms;
    if told.is_none_or(|step_ms| step_ms < 399 * HOUR_MS) {
        return Err(format!("the clock stepped by 400 hours, and retire tells of {told:?} ms"));
    }
    let kept = history.expect_state(&mut store, right.epoch_ms);
    kept.map_err(|what| format!("the clock stepped by 400 hours, and at once {what}"))?;
    Ok(Tried::Held)
}

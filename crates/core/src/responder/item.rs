//! An accepted item: the states that it can be in, and everything that is counted or listed by state.
//!
//! | state | what has happened | on | becomes |
//! |---|---|---|---|
//! | `Accepted` | its batch was admitted | its acceptance is stored, or the replay is over | `Ready` |
//! | | | an intent is replayed | `Left`; `Ready`, *again*, if its device de-duplicates |
//! | `Ready` | it may be handed over, in order of acceptance | there is a link and room in the window | `Intended` |
//! | `Intended` | the store was asked to keep its intent | the intent is stored | `Armed` |
//! | `Armed` | it leaves as soon as there is a link | the driver asks for effects | `Leaving` |
//! | `Overdue` | its deadline came before it could leave | the timer | `Decided` |
//! | `Leaving` | it was given to the driver | taken, or unclear | `Left` |
//! | `Left` | it was given to the driver, which has reported | | |
//! | `Leaving`, `Left` | | unclear, and its device de-duplicates | `Ready`, *again* |
//! | | | certainly not sent, *first*, without a link | `Armed` |
//! | | | certainly not sent, *first*, with a link | `Decided` |
//! | | | certainly not sent, *again* | `Left` |
//! | | | its device answers | `Decided` |
//! | any of these, *again* | | its device answers the earlier attempt | `Decided` |
//! | any of these | | its deadline, or a final that is replayed | `Decided` |
//! | `Decided`, storing | it has its one final | the final is stored, or the replay is over | publishing |
//! | `Decided`, publishing | the final is on its way to the channel | published, or undeliverable | over |
//! | `Decided`, over | the item is remembered for a while | its request is repeated | publishing |
//!
//! *First* and *again* are the [`Attempt`]s. `Ready` and `Armed` turn into `Overdue` where their turn comes at or after the
//! deadline. From `Intended` to `Leaving` an item takes a place in the hand-over window.
//!
//! Every change goes through [`Responder::change`], which keeps the counts and lists: none of them can say anything else than the
//! states do.

use std::sync::Arc;

use crate::{MonotonicTime, inflight::Key};

use super::{FinalOutcome, Queued, Responder, StoredCommand, outbox::ChannelKey};

#[derive(Debug)]
pub(super) struct Item {
    pub(super) command: Arc<StoredCommand>,
    /// Its place in the order of acceptance.
    pub(super) order: u64,
    pub(super) deadline: MonotonicTime,
    pub(super) state: State,
}

/// See the table in the module's documentation.
#[derive(Debug)]
pub(super) enum State {
    Accepted,
    Ready(Attempt),
    Intended(Attempt),
    Armed(Attempt),
    Overdue(Attempt),
    Leaving(Attempt),
    Left(Attempt),
    Decided(Decision),
}

/// Whether an earlier hand-over may have reached the device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Attempt {
    First,
    /// It may: only a device that de-duplicates is handed a command again.
    Again,
}

#[derive(Debug)]
pub(super) struct Decision {
    pub(super) outcome: Arc<FinalOutcome>,
    /// Digest of the device's answer that was heard last; `None` if none was.
    pub(super) heard: Option<u64>,
    pub(super) delivery: Delivery,
}

/// How far a final has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Delivery {
    /// It is being stored.
    Storing,
    /// It waits for its turn on the channel, or for the channel's broker.
    Publishing,
    /// It was published, or its channel is gone.
    Over,
}

/// Where an item in a state counts or is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Share {
    /// Among the items in flight, of its org and of its device; it has a deadline.
    in_flight: bool,
    /// Among the finals that are not yet published.
    in_outbox: bool,
    /// In the hand-over window.
    in_window: bool,
    line: Option<Line>,
}

/// The lists of items that wait to be handed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Line {
    Ready,
    Armed,
}

impl State {
    /// Whether the device certainly never got the command.
    pub(super) fn is_unsent(&self) -> bool {
        match self {
            Self::Accepted => true,
            Self::Ready(attempt) | Self::Intended(attempt) | Self::Armed(attempt) | Self::Overdue(attempt) => {
                *attempt == Attempt::First
            }
            Self::Leaving(_) | Self::Left(_) | Self::Decided(_) => false,
        }
    }

    /// Whether the item has no final yet.
    pub(super) fn is_in_flight(&self) -> bool {
        !matches!(self, Self::Decided(_))
    }

    fn share(&self) -> Share {
        Share {
            in_flight: self.is_in_flight(),
            in_outbox: matches!(self, Self::Decided(decision) if decision.delivery != Delivery::Over),
            in_window: matches!(self, Self::Intended(_) | Self::Armed(_) | Self::Leaving(_)),
            line: match self {
                Self::Ready(_) => Some(Line::Ready),
                Self::Armed(_) => Some(Line::Armed),
                _ => None,
            },
        }
    }
}

impl Share {
    /// That of an item that is not there.
    const NONE: Self = Self { in_flight: false, in_outbox: false, in_window: false, line: None };

    /// On its channel, whose items are not all published.
    fn on_channel(self) -> bool {
        self.in_flight || self.in_outbox
    }
}

impl Responder {
    /// Takes in a command that was accepted just now, or is replayed. `None` if there are 2³² items.
    pub(super) fn enter(&mut self, command: Arc<StoredCommand>, deadline: MonotonicTime) -> Option<Key> {
        self.newest_item += 1;
        let message_id = command.message_id;
        let item = Item { command, order: self.newest_item, deadline, state: State::Accepted };
        let share = item.state.share();
        let key = self.items.insert(message_id, deadline, item).ok()?;
        self.account(key, Share::NONE, share);
        Some(key)
    }

    /// Changes the state of an item, and everything that counts or lists it by its state.
    pub(super) fn change(&mut self, key: Key, change: impl FnOnce(&mut State)) {
        let Some(item) = self.items.get_mut(key) else { return };
        let before = item.state.share();
        change(&mut item.state);
        let after = item.state.share();
        self.account(key, before, after);
    }

    /// Takes an item out, wherever it is listed.
    pub(super) fn remove(&mut self, key: Key) {
        let Some(share) = self.items.get(key).map(|item| item.state.share()) else { return };
        self.account(key, share, Share::NONE);
        self.items.remove(key);
    }

    fn account(&mut self, key: Key, before: Share, after: Share) {
        let Some(item) = self.items.get(key) else { return };
        let (command, order) = (&item.command, item.order);
        match (before.on_channel(), after.on_channel()) {
            (false, true) => self.outbox.open(ChannelKey::of(command)),
            (true, false) => self.outbox.close(&ChannelKey::of(command)),
            _ => {}
        }
        match (before.in_outbox, after.in_outbox) {
            (false, true) => self.counters.outbox += 1,
            (true, false) => self.counters.outbox -= 1,
            _ => {}
        }
        match (before.in_window, after.in_window) {
            (false, true) => self.handing_over += 1,
            (true, false) => self.handing_over -= 1,
            _ => {}
        }
        if before.line != after.line {
            match before.line {
                Some(Line::Ready) => drop(self.ready.remove(&order)),
                Some(Line::Armed) => drop(self.armed.remove(&order)),
                None => {}
            }
            match after.line {
                Some(Line::Ready) => drop(self.ready.insert(order, key)),
                Some(Line::Armed) => {
                    self.armed.insert(order, key);
                    self.queue.push_back(Queued::HandOver);
                }
                None => {}
            }
        }
        match (before.in_flight, after.in_flight) {
            (false, true) => {
                self.orgs.begin(command);
                self.counters.pending += 1;
            }
            (true, false) => {
                self.orgs.end(command);
                self.counters.pending -= 1;
                self.items.unschedule(key);
            }
            _ => {}
        }
    }
}

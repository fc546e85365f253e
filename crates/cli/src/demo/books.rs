//! The books: what was ordered, how every item ended, and what the devices did, held against each other.
//!
//! The three come from three places that know nothing of each other: the demo's own list of orders, the client's
//! events, and the simulated devices' ledger. Nothing here may be taken from one to fill in another.

use std::collections::HashMap;

use serde_json::Value;
use setpoint::{Code, Family};
use setpoint_devices::{Behaviour, DeviceId, Garbage};

use super::orders::{Expected, Order, is_slow_and_in_time};

/// How an item ended, as the client was told.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Refused { code: Code },
    Finished(Told),
    TimedOut { known_unsent: bool },
    Cancelled,
}

/// The outcome that a finished item was given.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Told {
    pub(super) family: Family,
    pub(super) request_id: String,
    pub(super) code: Code,
    pub(super) submsg: String,
    pub(super) device: DeviceId,
    pub(super) asset_id: String,
    pub(super) target: String,
    /// JSON.
    pub(super) output: String,
}

/// One end, and where it was told: batch and item, from 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) batch: usize,
    pub(super) index: usize,
    pub(super) end: End,
}

/// What a device executed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Executed {
    pub(super) message_id: String,
    pub(super) device: DeviceId,
    pub(super) family: Family,
    pub(super) target: String,
    /// JSON.
    pub(super) params: String,
}

/// What the check found. Empty books balance.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Books {
    /// Items that were submitted and never ended.
    pub(super) unaccounted: usize,
    /// Items that were given what belongs to another, and commands that reached another device or target.
    pub(super) misattributed: usize,
    /// What is wrong, and with which item.
    pub(super) wrong: Vec<String>,
}

impl Books {
    pub(super) fn balance(&self) -> bool {
        self.wrong.is_empty()
    }

    fn misattributed(&mut self, what: String) {
        self.misattributed += 1;
        self.wrong.push(what);
    }
}

/// Holds the three against each other.
pub(super) fn check(orders: &[Order], ends: &[Ended], ledger: &[Executed]) -> Books {
    let mut books = Books::default();
    let executed = executions(&mut books, orders, ledger);
    let mut told: HashMap<(usize, usize), Vec<&End>> = HashMap::new();
    for ended in ends {
        told.entry((ended.batch, ended.index)).or_default().push(&ended.end);
    }
    for (number, order) in orders.iter().enumerate() {
        let name = name(order);
        let times = executed.get(&number).copied().unwrap_or_default();
        if times > 1 {
            books.wrong.push(format!("{name}: executed {times} times"));
        }
        match told.remove(&(order.batch, order.index)).as_deref() {
            None => {
                books.unaccounted += 1;
                books.wrong.push(format!("{name}: never ended"));
            }
            Some([end]) => one(&mut books, order, end, times > 0, &name),
            Some(several) => {
                books.wrong.push(format!("{name}: ended {} times: {several:?}", several.len()));
            }
        }
    }
    for ((batch, index), ends) in told {
        books.misattributed(format!("item {index} of batch {batch} was never submitted, and ended: {ends:?}"));
    }
    books
}

/// How often each order was executed. Every execution must be of one order: that one's device, target and input.
fn executions(books: &mut Books, orders: &[Order], ledger: &[Executed]) -> HashMap<usize, usize> {
    let by_mark: HashMap<(Family, String), usize> =
        orders.iter().enumerate().map(|(number, order)| ((order.family, canonical(&order.params)), number)).collect();
    let mut executed: HashMap<usize, usize> = HashMap::new();
    let mut ids: HashMap<&str, usize> = HashMap::new();
    for entry in ledger {
        let id = ids.entry(&entry.message_id).or_default();
        *id += 1;
        if *id == 2 {
            books.wrong.push(format!("message id {}: executed more than once", entry.message_id));
        }
        let Some(&number) = by_mark.get(&(entry.family, canonical(&entry.params))) else {
            books.wrong.push(format!(
                "{} executed {} {} with {}, which nobody ordered",
                entry.device,
                entry.family.name(),
                entry.target,
                entry.params
            ));
            continue;
        };
        *executed.entry(number).or_default() += 1;
        let order = &orders[number];
        if (&entry.device, &entry.target) != (&order.device, &order.target) {
            books.misattributed(format!(
                "{}: {} executed it as {}, and it was for {} as {}",
                name(order),
                entry.device,
                entry.target,
                order.device,
                order.target
            ));
        }
    }
    executed
}

/// One order and its one end.
fn one(books: &mut Books, order: &Order, end: &End, was_executed: bool, name: &str) {
    match (&order.expected, end) {
        (Expected::Refused(expected), End::Refused { code }) if expected == code => {}
        (Expected::Refused(expected), other) => {
            books.wrong.push(format!("{name}: was to be refused with {expected}, and ended as {other:?}"));
        }
        (Expected::Taken(_), End::Refused { code }) => {
            books.wrong.push(format!("{name}: nothing is wrong with it, and it was refused with {code}"));
        }
        (Expected::Taken(_), End::Cancelled) => {
            books.wrong.push(format!("{name}: nobody cancelled it, and it ended as cancelled"));
        }
        (Expected::Taken(behaviour), End::Finished(told)) => {
            attribution(books, order, told, name);
            if told.code == Code::SUCCESS && !was_executed {
                books.wrong.push(format!("{name}: succeeded, and its device never executed it"));
            }
            outcome(books, order, behaviour, told, name);
        }
        // Any command may time out, on a slow machine: that claims nothing, unless it says that it was never sent.
        (Expected::Taken(_), End::TimedOut { known_unsent: false }) => {}
        (Expected::Taken(_), End::TimedOut { known_unsent: true }) => {
            if was_executed {
                books.wrong.push(format!("{name}: is said never to have been sent, and its device executed it"));
            }
        }
    }
    let claims_nothing_was_sent = matches!(end, End::Refused { .. });
    if claims_nothing_was_sent && was_executed {
        books.wrong.push(format!("{name}: was refused, and its device executed it"));
    }
}

/// An outcome must name its own item, device and target, and its output must be the one of its own input.
fn attribution(books: &mut Books, order: &Order, told: &Told, name: &str) {
    let named = (Some(&told.request_id), told.family, &told.device, &told.asset_id, &told.target);
    let ordered = (order.request_id.as_ref(), order.family, &order.device, &order.asset_id, &order.target);
    if named != ordered {
        books.misattributed(format!("{name}: was given an outcome of {named:?}"));
        return;
    }
    // Writes have no output. The turbines return an invoke's input, mark and all.
    let echo = told.code == Code::SUCCESS && order.family == Family::Invoke;
    if echo && canonical(&told.output) != canonical(&order.params) {
        books.misattributed(format!("{name}: sent {}, and was given {}", order.params, told.output));
    }
}

/// What the device was ordered to answer, and what the item was told.
fn outcome(books: &mut Books, order: &Order, behaviour: &Behaviour, told: &Told, name: &str) {
    let failure = order.family.table().device_failure;
    let fits = match behaviour {
        Behaviour::Succeed { .. } | Behaviour::Twice | Behaviour::ConflictingTwice => told.code == Code::SUCCESS,
        Behaviour::Late { delay_ms } => is_slow_and_in_time(*delay_ms) && told.code == Code::SUCCESS,
        Behaviour::Fail { code, message } => {
            told.code == failure && told.submsg.contains(&code.to_string()) && told.submsg.contains(message)
        }
        Behaviour::Garbage(Garbage::BrokenContent) => told.code == failure,
        // Nothing that can be attributed is answered: no outcome but a timeout can be true.
        _ => false,
    };
    if !fits {
        books.wrong.push(format!(
            "{name}: its device was ordered to {behaviour:?}, and the outcome is {} {:?}",
            told.code, told.submsg
        ));
    }
}

fn name(order: &Order) -> String {
    let id = order.request_id.as_deref().unwrap_or("none");
    format!("item {} of batch {} (requestId {id})", order.index, order.batch)
}

/// JSON that says the same is the same, however it is written.
fn canonical(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests;

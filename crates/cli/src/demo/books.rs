//! The books: compares what was ordered, how every item ended, and what the devices executed.
//!
//! The three come from independent sources: the demo's list of orders, the client's events, and the ledger of the
//! simulated devices. No value of one may be taken from another.

use std::collections::HashMap;

use serde_json::Value;
use setpoint::{Code, Family};
use setpoint_devices::{Behaviour, DeviceId, Garbage};

use super::orders::{Expected, Order, is_slow_and_in_time};

/// How an item ended, as the client was outcome.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum End {
    Refused { code: Code },
    Finished(ItemOutcome),
    TimedOut { known_unsent: bool },
    Cancelled,
}

/// The outcome of a finished item.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct ItemOutcome {
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

/// An end, with the batch and the index of its item, both from 0.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Ended {
    pub(super) batch: usize,
    pub(super) index: usize,
    pub(super) end: End,
}

/// A command that a device executed.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Executed {
    pub(super) message_id: String,
    pub(super) device: DeviceId,
    pub(super) family: Family,
    pub(super) target: String,
    /// JSON.
    pub(super) params: String,
}

/// The result of the check. The books balance if nothing is wrong.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Books {
    /// Items that were submitted and never ended.
    pub(super) unaccounted: usize,
    /// Items with the outcome of another item, and commands that reached another device or target.
    pub(super) misattributed: usize,
    /// Each thing that is wrong, with its item.
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

/// Compares the three.
pub(super) fn check(orders: &[Order], ends: &[Ended], ledger: &[Executed]) -> Books {
    let mut books = Books::default();
    let executed = executions(&mut books, orders, ledger);
    let mut ended_as: HashMap<(usize, usize), Vec<&End>> = HashMap::new();
    for ended in ends {
        ended_as.entry((ended.batch, ended.index)).or_default().push(&ended.end);
    }
    for (number, order) in orders.iter().enumerate() {
        let name = name(order);
        let times = executed.get(&number).copied().unwrap_or_default();
        if times > 1 {
            books.wrong.push(format!("{name}: executed {times} times"));
        }
        match ended_as.remove(&(order.batch, order.index)).as_deref() {
            None => {
                books.unaccounted += 1;
                books.wrong.push(format!("{name}: never ended"));
            }
            Some([end]) => check_order(&mut books, order, end, times > 0, &name),
            Some(several) => {
                books.wrong.push(format!("{name}: ended {} times: {several:?}", several.len()));
            }
        }
    }
    for ((batch, index), ends) in ended_as {
        books.misattributed(format!("item {index} of batch {batch} was never submitted, and ended: {ends:?}"));
    }
    books
}

/// How many times each order was executed. Every execution must match the device, target and input of one order.
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

/// Checks an order and its end.
fn check_order(books: &mut Books, order: &Order, end: &End, was_executed: bool, name: &str) {
    match (&order.expected, end) {
        (Expected::Refused(expected), End::Refused { code }) if expected == code => {}
        (Expected::Refused(expected), other) => {
            books.wrong.push(format!("{name}: was to be refused with {expected}, and ended as {other:?}"));
        }
        (Expected::Accepted(_), End::Refused { code }) => {
            books.wrong.push(format!("{name}: nothing is wrong with it, and it was refused with {code}"));
        }
        (Expected::Accepted(_), End::Cancelled) => {
            books.wrong.push(format!("{name}: nobody cancelled it, and it ended as cancelled"));
        }
        (Expected::Accepted(behaviour), End::Finished(outcome)) => {
            check_attribution(books, order, outcome, name);
            if outcome.code == Code::SUCCESS && !was_executed {
                books.wrong.push(format!("{name}: succeeded, and its device never executed it"));
            }
            check_outcome(books, order, behaviour, outcome, name);
        }
        // On a slow machine any command may time out. That is wrong only if it is said never to have been sent, and was.
        (Expected::Accepted(_), End::TimedOut { known_unsent: false }) => {}
        (Expected::Accepted(_), End::TimedOut { known_unsent: true }) => {
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

/// An outcome must name its own item, device and target, and its output must be its own input.
fn check_attribution(books: &mut Books, order: &Order, outcome: &ItemOutcome, name: &str) {
    let named = (Some(&outcome.request_id), outcome.family, &outcome.device, &outcome.asset_id, &outcome.target);
    let ordered = (order.request_id.as_ref(), order.family, &order.device, &order.asset_id, &order.target);
    if named != ordered {
        books.misattributed(format!("{name}: was given an outcome of {named:?}"));
        return;
    }
    // Writes have no output. For an invoke, the turbines return the input, which no other order has.
    let echo = outcome.code == Code::SUCCESS && order.family == Family::Invoke;
    if echo && canonical(&outcome.output) != canonical(&order.params) {
        books.misattributed(format!("{name}: sent {}, and was given {}", order.params, outcome.output));
    }
}

/// The outcome must be what the device was ordered to answer.
fn check_outcome(books: &mut Books, order: &Order, behaviour: &Behaviour, outcome: &ItemOutcome, name: &str) {
    let failure = order.family.table().device_failure;
    let fits = match behaviour {
        Behaviour::Succeed { .. } | Behaviour::Twice | Behaviour::ConflictingTwice => outcome.code == Code::SUCCESS,
        Behaviour::Late { delay_ms } => is_slow_and_in_time(*delay_ms) && outcome.code == Code::SUCCESS,
        Behaviour::Fail { code, message } => {
            outcome.code == failure && outcome.submsg.contains(&code.to_string()) && outcome.submsg.contains(message)
        }
        Behaviour::Garbage(Garbage::BrokenContent) => outcome.code == failure,
        // These give no answer that can be attributed, so only a timeout is right.
        _ => false,
    };
    if !fits {
        books.wrong.push(format!(
            "{name}: its device was ordered to {behaviour:?}, and the outcome is {} {:?}",
            outcome.code, outcome.submsg
        ));
    }
}

fn name(order: &Order) -> String {
    let id = order.request_id.as_deref().unwrap_or("none");
    format!("item {} of batch {} (requestId {id})", order.index, order.batch)
}

/// Equal for JSON texts that differ only in form.
fn canonical(json: &str) -> String {
    serde_json::from_str::<Value>(json).map_or_else(|_| json.to_owned(), |value| value.to_string())
}

#[cfg(test)]
mod tests;

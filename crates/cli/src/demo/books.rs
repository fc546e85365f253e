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
mod tests {
    use setpoint_devices::Output;

    use super::*;

    /// An invoke and a write that succeed, one that fails, one that is never answered, one that is refused.
    fn orders() -> Vec<Order> {
        let order = |index: usize, family, expected| Order {
            batch: 0,
            index,
            family,
            request_id: Some(format!("r{index}")),
            device: DeviceId::new("turbine", format!("t-{index}")),
            asset_id: format!("wtg-{index}"),
            target: if family == Family::Invoke { "start" } else { "powerLimit" }.to_owned(),
            params: if family == Family::Invoke {
                format!("{{\"tag\":{index}}}")
            } else {
                format!("{{\"powerLimit\":{index}}}")
            },
            expected,
        };
        let succeed = || Expected::Taken(Behaviour::Succeed { output: Output::Echo });
        let fail = Behaviour::Fail { code: 2_007, message: "interlock 7".to_owned() };
        vec![
            order(0, Family::Invoke, succeed()),
            order(1, Family::Write, succeed()),
            order(2, Family::Invoke, Expected::Taken(fail)),
            order(3, Family::Invoke, Expected::Taken(Behaviour::Never)),
            order(4, Family::Invoke, Expected::Refused(Code::PARA_ERROR)),
        ]
    }

    fn told(order: &Order, code: Code) -> Told {
        Told {
            family: order.family,
            request_id: order.request_id.clone().unwrap(),
            code,
            submsg: "device code 2007: interlock 7".to_owned(),
            device: order.device.clone(),
            asset_id: order.asset_id.clone(),
            target: order.target.clone(),
            output: if order.family == Family::Invoke { order.params.clone() } else { "{}".to_owned() },
        }
    }

    fn ends(orders: &[Order]) -> Vec<Ended> {
        [
            End::Finished(told(&orders[0], Code::SUCCESS)),
            End::Finished(told(&orders[1], Code::SUCCESS)),
            End::Finished(told(&orders[2], Code::INVOKE_FAILED)),
            End::TimedOut { known_unsent: false },
            End::Refused { code: Code::PARA_ERROR },
        ]
        .into_iter()
        .enumerate()
        .map(|(index, end)| Ended { batch: 0, index, end })
        .collect()
    }

    fn ledger(orders: &[Order]) -> Vec<Executed> {
        orders[..4]
            .iter()
            .map(|order| Executed {
                message_id: format!("m{}", order.index),
                device: order.device.clone(),
                family: order.family,
                target: order.target.clone(),
                params: order.params.clone(),
            })
            .collect()
    }

    /// Balanced books with one change, which must be found and named.
    fn tampered(change: impl FnOnce(&mut Vec<Ended>, &mut Vec<Executed>, &[Order]), part: &str) -> Books {
        let orders = orders();
        let (mut ends, mut ledger) = (ends(&orders), ledger(&orders));
        change(&mut ends, &mut ledger, &orders);
        let books = check(&orders, &ends, &ledger);
        assert!(!books.balance(), "{part} was not found");
        assert!(books.wrong.iter().any(|wrong| wrong.contains(part)), "{part:?} in {:?}", books.wrong);
        books
    }

    fn finished(ends: &mut [Ended], index: usize) -> &mut Told {
        match &mut ends[index].end {
            End::Finished(told) => told,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn true_books_balance() {
        let orders = orders();
        assert_eq!(check(&orders, &ends(&orders), &ledger(&orders)), Books::default());
    }

    #[test]
    fn the_order_in_which_things_were_told_does_not_matter() {
        let orders = orders();
        let (mut ends, mut ledger) = (ends(&orders), ledger(&orders));
        ends.reverse();
        ledger.rotate_left(2);
        assert_eq!(check(&orders, &ends, &ledger), Books::default());
    }

    #[test]
    fn an_item_that_never_ended_is_unaccounted_for() {
        let books = tampered(|ends, _, _| drop(ends.remove(1)), "item 1 of batch 0 (requestId r1): never ended");
        assert_eq!((books.unaccounted, books.misattributed), (1, 0));
    }

    #[test]
    fn an_item_that_ended_twice_is_found() {
        tampered(|ends, _, _| ends.push(ends[0].clone()), "item 0 of batch 0 (requestId r0): ended 2 times");
    }

    #[test]
    fn an_end_of_nothing_is_found() {
        tampered(|ends, _, _| ends.push(Ended { index: 9, ..ends[3].clone() }), "was never submitted");
    }

    #[test]
    fn swapped_outcomes_are_misattributed() {
        let swap = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, _: &[Order]| {
            let (a, b) = (finished(ends, 0).clone(), finished(ends, 2).clone());
            (*finished(ends, 0), *finished(ends, 2)) = (b, a);
        };
        assert_eq!(tampered(swap, "item 2 of batch 0 (requestId r2): was given an outcome of").misattributed, 2);
    }

    #[test]
    fn anothers_output_is_misattributed_even_under_the_right_id() {
        let other = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, orders: &[Order]| {
            finished(ends, 0).output = orders[2].params.clone();
        };
        assert_eq!(tampered(other, "sent {\"tag\":0}, and was given {\"tag\":2}").misattributed, 1);
    }

    #[test]
    fn every_name_in_an_outcome_counts() {
        let changes: [fn(&mut Told); 5] = [
            |told| told.request_id = "r2".to_owned(),
            |told| told.family = Family::Write,
            |told| told.device = DeviceId::new("turbine", "t-2"),
            |told| told.asset_id = "wtg-2".to_owned(),
            |told| told.target = "stop".to_owned(),
        ];
        for change in changes {
            let books = tampered(|ends, _, _| change(finished(ends, 0)), "was given an outcome of");
            assert_eq!(books.misattributed, 1);
        }
    }

    #[test]
    fn a_success_that_no_device_executed_is_found() {
        tampered(
            |_, ledger, _| drop(ledger.remove(1)),
            "item 1 of batch 0 (requestId r1): succeeded, and its device never",
        );
    }

    #[test]
    fn a_command_that_reached_another_device_or_target_is_misattributed() {
        let device = |_: &mut Vec<Ended>, ledger: &mut Vec<Executed>, orders: &[Order]| {
            ledger[0].device = orders[1].device.clone();
        };
        assert_eq!(tampered(device, "turbine/t-1 executed it as start, and it was for turbine/t-0").misattributed, 1);
        let target = |_: &mut Vec<Ended>, ledger: &mut Vec<Executed>, _: &[Order]| ledger[0].target = "stop".to_owned();
        assert_eq!(tampered(target, "executed it as stop").misattributed, 1);
    }

    #[test]
    fn a_command_that_nobody_ordered_is_found() {
        tampered(|_, ledger, _| ledger[0].params = "{\"tag\":99}".to_owned(), "which nobody ordered");
        tampered(|_, ledger, _| ledger[0].family = Family::Write, "which nobody ordered");
    }

    #[test]
    fn a_command_executed_twice_is_found_under_one_message_id_and_under_two() {
        tampered(|_, ledger, _| ledger.push(ledger[3].clone()), "message id m3: executed more than once");
        tampered(|_, ledger, _| ledger.push(ledger[3].clone()), "item 3 of batch 0 (requestId r3): executed 2 times");
        let again = |_: &mut Vec<Ended>, ledger: &mut Vec<Executed>, _: &[Order]| {
            ledger.push(Executed { message_id: "m9".to_owned(), ..ledger[0].clone() });
        };
        tampered(again, "item 0 of batch 0 (requestId r0): executed 2 times");
    }

    #[test]
    fn what_was_refused_must_not_have_been_executed() {
        let executed = |_: &mut Vec<Ended>, ledger: &mut Vec<Executed>, orders: &[Order]| {
            ledger.push(Executed {
                message_id: "m4".to_owned(),
                device: orders[4].device.clone(),
                params: orders[4].params.clone(),
                ..ledger[0].clone()
            });
        };
        tampered(executed, "item 4 of batch 0 (requestId r4): was refused, and its device executed it");
    }

    #[test]
    fn what_is_said_never_to_have_been_sent_must_not_have_been_executed() {
        let unsent = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, _: &[Order]| {
            ends[3].end = End::TimedOut { known_unsent: true };
        };
        tampered(unsent, "is said never to have been sent, and its device executed it");
        let orders = orders();
        let (mut ends, mut ledger) = (ends(&orders), ledger(&orders));
        ends[3].end = End::TimedOut { known_unsent: true };
        ledger.remove(3);
        assert!(check(&orders, &ends, &ledger).balance(), "said, and true");
    }

    #[test]
    fn an_outcome_must_be_what_the_device_was_ordered_to_answer() {
        let invented = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, orders: &[Order]| {
            ends[3].end = End::Finished(told(&orders[3], Code::SUCCESS));
        };
        tampered(invented, "its device was ordered to Never");
        tampered(|ends, _, _| finished(ends, 2).code = Code::SUCCESS, "its device was ordered to Fail");
        tampered(|ends, _, _| finished(ends, 0).code = Code::INVOKE_FAILED, "its device was ordered to Succeed");
        tampered(|ends, _, _| finished(ends, 2).submsg = "device code 2007".to_owned(), "ordered to Fail");
        tampered(|ends, _, _| finished(ends, 2).submsg = "interlock 7".to_owned(), "ordered to Fail");
        tampered(|ends, _, _| finished(ends, 2).code = Code::WRITE_FAILED, "ordered to Fail");
    }

    #[test]
    fn verdicts_must_be_the_right_ones() {
        let other_code = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, _: &[Order]| {
            ends[4].end = End::Refused { code: Code::DATA_TYPE };
        };
        tampered(other_code, "was to be refused with 1000, and ended as");
        let refused = |ends: &mut Vec<Ended>, ledger: &mut Vec<Executed>, _: &[Order]| {
            ends[0].end = End::Refused { code: Code::PARA_ERROR };
            ledger.remove(0);
        };
        tampered(refused, "nothing is wrong with it, and it was refused with 1000");
        tampered(|ends, _, _| ends[0].end = End::Cancelled, "nobody cancelled it");
    }

    #[test]
    fn a_timeout_claims_nothing_and_is_never_wrong_by_itself() {
        let orders = orders();
        let mut ends = ends(&orders);
        ends[0].end = End::TimedOut { known_unsent: false };
        assert!(check(&orders, &ends, &ledger(&orders)).balance());
    }
}

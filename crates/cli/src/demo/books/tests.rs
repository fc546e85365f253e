//! Tampered books: each change must be found.

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
    let succeed = || Expected::Accepted(Behaviour::Succeed { output: Output::Echo });
    let fail = Behaviour::Fail { code: 2_007, message: "interlock 7".to_owned() };
    vec![
        order(0, Family::Invoke, succeed()),
        order(1, Family::Write, succeed()),
        order(2, Family::Invoke, Expected::Accepted(fail)),
        order(3, Family::Invoke, Expected::Accepted(Behaviour::Never)),
        order(4, Family::Invoke, Expected::Refused(Code::PARA_ERROR)),
    ]
}

fn outcome(order: &Order, code: Code) -> ItemOutcome {
    ItemOutcome {
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
        End::Finished(outcome(&orders[0], Code::SUCCESS)),
        End::Finished(outcome(&orders[1], Code::SUCCESS)),
        End::Finished(outcome(&orders[2], Code::INVOKE_FAILED)),
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

/// Balanced books with one change. Checks that it is found and named.
fn tampered(change: impl FnOnce(&mut Vec<Ended>, &mut Vec<Executed>, &[Order]), part: &str) -> Books {
    let orders = orders();
    let (mut ends, mut ledger) = (ends(&orders), ledger(&orders));
    change(&mut ends, &mut ledger, &orders);
    let books = check(&orders, &ends, &ledger);
    assert!(!books.balance(), "{part} was not found");
    assert!(books.wrong.iter().any(|wrong| wrong.contains(part)), "{part:?} in {:?}", books.wrong);
    books
}

fn finished(ends: &mut [Ended], index: usize) -> &mut ItemOutcome {
    match &mut ends[index].end {
        End::Finished(outcome) => outcome,
        other => panic!("{other:?}"),
    }
}

#[test]
fn true_books_balance() {
    let orders = orders();
    assert_eq!(check(&orders, &ends(&orders), &ledger(&orders)), Books::default());
}

#[test]
fn the_order_of_ends_and_executions_does_not_matter() {
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
fn an_end_of_an_item_that_was_never_submitted_is_found() {
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
    let changes: [fn(&mut ItemOutcome); 5] = [
        |outcome| outcome.request_id = "r2".to_owned(),
        |outcome| outcome.family = Family::Write,
        |outcome| outcome.device = DeviceId::new("turbine", "t-2"),
        |outcome| outcome.asset_id = "wtg-2".to_owned(),
        |outcome| outcome.target = "stop".to_owned(),
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
    assert!(check(&orders, &ends, &ledger).balance(), "it was not executed");
}

#[test]
fn an_outcome_must_be_what_the_device_was_ordered_to_answer() {
    let invented = |ends: &mut Vec<Ended>, _: &mut Vec<Executed>, orders: &[Order]| {
        ends[3].end = End::Finished(outcome(&orders[3], Code::SUCCESS));
    };
    tampered(invented, "its device was ordered to Never");
    tampered(|ends, _, _| finished(ends, 2).code = Code::SUCCESS, "its device was ordered to Fail");
    tampered(|ends, _, _| finished(ends, 0).code = Code::INVOKE_FAILED, "its device was ordered to Succeed");
    tampered(|ends, _, _| finished(ends, 2).submsg = "device code 2007".to_owned(), "ordered to Fail");
    tampered(|ends, _, _| finished(ends, 2).submsg = "interlock 7".to_owned(), "ordered to Fail");
    tampered(|ends, _, _| finished(ends, 2).code = Code::WRITE_FAILED, "ordered to Fail");
}

#[test]
fn items_must_be_accepted_or_refused_as_expected() {
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
fn a_timeout_is_never_wrong_by_itself() {
    let orders = orders();
    let mut ends = ends(&orders);
    ends[0].end = End::TimedOut { known_unsent: false };
    assert!(check(&orders, &ends, &ledger(&orders)).balance());
}

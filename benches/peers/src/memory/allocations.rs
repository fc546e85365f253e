//! Allocations per item.

use setpoint::{Family, Limits, Now, check::check_form, request::read_batch};
use setpoint_benches::{Churn, EPOCH_MS, ORG, batch, valid_batch};

use super::{Allocations, Counted, allocations};
use crate::{
    batch::{cow, owned, sonic},
    plan::names,
};

const ITEMS: usize = 1_000;
const IN_FLIGHT: usize = 100_000;
/// Steps in the steady state, each with a batch of 100.
const STEPS: usize = 2_000;
/// A few allocations for a whole batch, and a larger table now and then.
const MOST: f64 = 0.1;

pub(super) fn measure(counted: Counted) -> Vec<Allocations> {
    let (valid, mixed) = (valid_batch(Family::Invoke, ITEMS).body, batch(Family::Invoke, ITEMS).body);
    let mut found = Vec::new();
    let mut add = |of: &str, most, work: &dyn Fn()| {
        let count = allocations(counted, work);
        let (work, of) = ("allocations an item, a batch of 1,000".to_owned(), of.to_owned());
        found.push(Allocations { work, of, per_item: count as f64 / ITEMS as f64, most });
    };
    add("setpoint: read, all valid", Some(MOST), &|| drop(read_batch(&valid, Family::Invoke, ORG, &Limits::DEFAULT)));
    let respond = |body| check_form(body, Family::Invoke, ORG, &Limits::DEFAULT, Now::new(0, EPOCH_MS));
    add("setpoint: respond, all valid", Some(MOST), &|| drop(respond(&valid)));
    add("setpoint: respond, one in ten invalid", None, &|| drop(respond(&mixed)));
    add(names::OWNED, None, &|| drop(owned::respond(&mixed)));
    add(names::COW, None, &|| drop(cow::respond(&mixed)));
    add(names::SONIC, None, &|| drop(sonic::respond(&mixed)));
    found.push(steady(counted));
    found
}

/// Submitting, matching and expiring, with so many in flight all the while.
fn steady(counted: Counted) -> Allocations {
    let mut churn = Churn::new(IN_FLIGHT);
    churn.fill();
    let mut count = 0;
    for _ in 0..STEPS {
        let step = churn.prepare();
        count += allocations(counted, || {
            churn.submit(step.body, step.now);
            if let Some(message) = &step.message {
                churn.ingest(message);
            }
            churn.expire(step.now);
            while churn.poll().is_some() {}
        });
    }
    Allocations {
        work: "allocations an item, steady state".to_owned(),
        of: "setpoint: submit, match, expire; 100,000 in flight".to_owned(),
        per_item: count as f64 / (STEPS * churn.batch()) as f64,
        most: Some(MOST),
    }
}

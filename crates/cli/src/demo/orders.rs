//! What the demo orders: commands to a wind farm, most of them good, some not, each with what must become of it.

use std::fmt::Write as _;

use setpoint::{Code, Family};
use setpoint_devices::{Behaviour, DeviceId, Garbage, Output};

use super::farm;

/// How late a late answer is, in milliseconds.
const LATE_BY_MS: u64 = 600;
/// How slow a slow answer is that is in time all the same, in milliseconds.
const SLOW_MS: u64 = 300;
/// A timeout that even a loaded machine meets, in milliseconds.
const LONG_MS: u32 = 10_000;
/// Most items of a batch.
const BATCH: usize = 100;

/// One item, and what must become of it.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// Which batch, from 0.
    pub(super) batch: usize,
    /// Which item of it, from 0.
    pub(super) index: usize,
    pub(super) family: Family,
    pub(super) request_id: Option<String>,
    pub(super) device: DeviceId,
    pub(super) asset_id: String,
    pub(super) target: String,
    /// What the device must receive, JSON; it holds a mark that no other order of the family has.
    pub(super) params: String,
    pub(super) expected: Expected,
}

/// What must become of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    /// Refused with this code.
    Refused(Code),
    /// Taken, and treated by the device in this way.
    Taken(Behaviour),
}

/// How many answers a device gives that treats a command in this way.
pub(super) fn answers(behaviour: &Behaviour) -> usize {
    match behaviour {
        Behaviour::Never => 0,
        Behaviour::Twice | Behaviour::ConflictingTwice => 2,
        _ => 1,
    }
}

/// Whether the answer is that of a device that is slow, and not of one that is late.
pub(super) fn is_slow_and_in_time(delay_ms: u64) -> bool {
    delay_ms == SLOW_MS
}

/// The body of one call.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) family: Family,
    pub(super) body: String,
}

/// What is wrong with an item that is to be refused.
#[derive(Debug, Clone, Copy)]
enum Wrong {
    NoRequestId,
    NotAnObject,
    UnknownChannel,
    OtherFamilysChannel,
    UnknownDevice,
    NoDevice,
    UnsafeDevice,
    UnknownTarget,
    EmptyTarget,
    Timeout,
    InputIsText,
    NumberTooLarge,
    OtherOrg,
    SameIdTwice,
    /// Writes only.
    NoValue,
    /// Writes only.
    TwoValues,
}

const WRONGS: [Wrong; 16] = [
    Wrong::NoRequestId,
    Wrong::NotAnObject,
    Wrong::UnknownChannel,
    Wrong::OtherFamilysChannel,
    Wrong::UnknownDevice,
    Wrong::NoDevice,
    Wrong::UnsafeDevice,
    Wrong::UnknownTarget,
    Wrong::EmptyTarget,
    Wrong::Timeout,
    Wrong::InputIsText,
    Wrong::NumberTooLarge,
    Wrong::OtherOrg,
    Wrong::SameIdTwice,
    Wrong::NoValue,
    Wrong::TwoValues,
];

impl Wrong {
    fn code(self, family: Family) -> Code {
        match self {
            Self::UnknownChannel | Self::OtherFamilysChannel => family.table().channel_missing,
            Self::UnknownDevice => Code::DEVICE_MISSING,
            Self::UnknownTarget => Code::TARGET_MISSING,
            Self::NumberTooLarge => Code::DATA_TYPE,
            Self::NoValue if family == Family::Write => Code::VALUE_NULL,
            _ => Code::PARA_ERROR,
        }
    }
}

/// Draws `items` orders for `devices` turbines, the same ones for the same seed.
pub(super) fn draw(items: usize, devices: usize, seed: u64) -> (Vec<Batch>, Vec<Order>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let size = items.div_ceil(2).clamp(1, BATCH);
    let mut batches: Vec<Batch> = Vec::new();
    let mut orders: Vec<Order> = Vec::with_capacity(items);
    let mut texts: Vec<Fields> = Vec::new();
    for number in 0..items {
        let (batch, index) = (number / size, number % size);
        let family = Family::ALL[batch % 2];
        let turbine = rng.usize(..devices);
        let (order, fields) = one(&mut rng, number, batch, index, family, turbine, seed);
        // It takes two for this one: from here on both are refused.
        if let (Some(earlier), Some(Wrong::SameIdTwice)) = (orders.last_mut().filter(|_| index > 0), fields.wrong)
            && let Some(id) = earlier.request_id.clone()
            && matches!(earlier.expected, Expected::Taken(_))
        {
            earlier.expected = Expected::Refused(Code::PARA_ERROR);
            orders.push(Order { request_id: Some(id.clone()), ..order });
            texts.push(Fields { request_id: Some(id), ..fields });
        } else if matches!(fields.wrong, Some(Wrong::SameIdTwice)) {
            // There is none before it: then nothing is wrong with it.
            orders.push(Order { expected: Expected::Taken(Behaviour::succeed()), ..order });
            texts.push(Fields { wrong: None, timeout: LONG_MS, ..fields });
        } else {
            orders.push(order);
            texts.push(fields);
        }
        if index + 1 == size || number + 1 == items {
            let items: Vec<_> = texts.drain(..).map(|fields| fields.write(family)).collect();
            batches.push(Batch { family, body: format!("{{\"data\":[{}]}}", items.join(",")) });
        }
    }
    (batches, orders)
}

fn one(
    rng: &mut fastrand::Rng,
    number: usize,
    batch: usize,
    index: usize,
    family: Family,
    turbine: usize,
    seed: u64,
) -> (Order, Fields) {
    let wrong = (rng.f64() < 0.04).then(|| rng.choice(WRONGS)).flatten();
    // Two of them are only wrong with a write.
    let wrong = match wrong {
        Some(Wrong::NoValue | Wrong::TwoValues) if family == Family::Invoke => Some(Wrong::InputIsText),
        other => other,
    };
    let targets = farm::targets(family);
    let target = targets[rng.usize(..targets.len())].to_owned();
    let timeout = rng.u32(1_500..=2_500);
    let (behaviour, timeout) = treat(rng.f64() * 100.0, timeout, number);
    // The mark: no other order of the family has it.
    let (params, input) = match family {
        Family::Invoke => {
            let input = format!("{{\"tag\":\"{seed}-{number}\",\"ramp\":{}}}", rng.u8(..60));
            (input.clone(), input)
        }
        Family::Write => (format!("{{\"{target}\":{number}}}"), format!("{{\"arg\":{number}}}")),
    };
    let request_id = match wrong {
        Some(Wrong::NoRequestId | Wrong::NotAnObject) => None,
        _ => Some(format!("demo-{seed}-{number}")),
    };
    let order = Order {
        batch,
        index,
        family,
        request_id: request_id.clone(),
        device: farm::device(turbine),
        asset_id: farm::asset(turbine),
        target: target.clone(),
        params,
        expected: wrong.map_or(Expected::Taken(behaviour), |wrong| Expected::Refused(wrong.code(family))),
    };
    (order, Fields { wrong, request_id, turbine, target, input, timeout, form: rng.u8(..3) })
}

/// How the device treats an order, and the order's timeout: short where no answer is to come.
fn treat(drawn: f64, short: u32, number: usize) -> (Behaviour, u32) {
    let late = Behaviour::Late { delay_ms: u64::from(short) + LATE_BY_MS };
    let fail = Behaviour::Fail { code: 2_000 + (number % 50) as i64, message: format!("interlock {number}") };
    let faults = [
        (3.0, fail, LONG_MS),
        (3.0, Behaviour::Late { delay_ms: SLOW_MS }, LONG_MS),
        (2.0, late, short),
        (2.0, Behaviour::Twice, LONG_MS),
        (2.0, Behaviour::Never, short),
        (0.5, Behaviour::ConflictingTwice, LONG_MS),
        (0.5, Behaviour::Garbage(Garbage::BrokenContent), LONG_MS),
        (0.5, Behaviour::Garbage(Garbage::NotJson), short),
        (0.5, Behaviour::ForNeighbour, short),
        (0.5, Behaviour::WrongId, short),
    ];
    let mut end = 0.0;
    for (share, behaviour, timeout) in faults {
        end += share;
        if drawn < end {
            return (behaviour, timeout);
        }
    }
    (Behaviour::Succeed { output: Output::Echo }, LONG_MS)
}

/// What goes into an item.
struct Fields {
    wrong: Option<Wrong>,
    request_id: Option<String>,
    turbine: usize,
    target: String,
    /// JSON.
    input: String,
    timeout: u32,
    /// How the device is named: by asset, by keys, by both.
    form: u8,
}

impl Fields {
    fn write(self, family: Family) -> String {
        let wrong = self.wrong;
        if matches!(wrong, Some(Wrong::NotAnObject)) {
            return self.turbine.to_string();
        }
        let table = family.table();
        let mut item = String::from("{\"callType\":\"ASYNC\"");
        let mut field = |name: &str, json: String| {
            // Writing into a string cannot fail.
            let _ = write!(item, ",\"{name}\":{json}");
        };
        if let Some(id) = &self.request_id {
            field("requestId", format!("\"{id}\""));
        }
        let channel = match wrong {
            Some(Wrong::UnknownChannel) => format!("{}nowhere", table.channel_prefix),
            Some(Wrong::OtherFamilysChannel) => farm::channel(other(family)).to_owned(),
            _ => farm::channel(family).to_owned(),
        };
        field(table.channel_field, format!("\"{channel}\""));
        let (keys, asset) = match wrong {
            Some(Wrong::NoDevice) => (None, None),
            Some(Wrong::UnknownDevice) => (None, Some("wtg-unknown".to_owned())),
            Some(Wrong::UnsafeDevice) => (Some("t/#".to_owned()), None),
            _ => {
                let (device, asset) = (farm::device(self.turbine).device_key, farm::asset(self.turbine));
                ((self.form != 0).then_some(device), (self.form != 1).then_some(asset))
            }
        };
        if let Some(key) = keys {
            field("productKey", format!("\"{}\"", farm::PRODUCT));
            field("deviceKey", format!("\"{key}\""));
        }
        if let Some(asset) = asset {
            field("assetId", format!("\"{asset}\""));
        }
        let target = match wrong {
            Some(Wrong::UnknownTarget) => "fly",
            Some(Wrong::EmptyTarget) => "",
            _ => &self.target,
        };
        field(table.target_field, format!("\"{target}\""));
        if matches!(wrong, Some(Wrong::OtherOrg)) {
            field("orgId", "\"somebody-else\"".to_owned());
        }
        let input = match wrong {
            Some(Wrong::InputIsText) => "\"start\"".to_owned(),
            Some(Wrong::NumberTooLarge) => "{\"arg\":1e400}".to_owned(),
            Some(Wrong::NoValue) => "{}".to_owned(),
            Some(Wrong::TwoValues) => "{\"arg\":1,\"other\":2}".to_owned(),
            _ => self.input,
        };
        field("inputData", input);
        let timeout = if matches!(wrong, Some(Wrong::Timeout)) { 300_001 } else { self.timeout };
        field("timeout", timeout.to_string());
        item.push('}');
        item
    }
}

fn other(family: Family) -> Family {
    match family {
        Family::Invoke => Family::Write,
        Family::Write => Family::Invoke,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use setpoint::{Limits, Now, check::check};

    use super::*;
    use crate::demo::farm::Known;

    #[test]
    fn the_same_seed_draws_the_same_orders_and_another_one_others() {
        let bodies = |seed| draw(500, 7, seed).0.into_iter().map(|batch| batch.body).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn every_number_of_items_is_drawn_in_full_and_every_mark_is_unique() {
        for items in [1, 2, 3, 99, 100, 201, 1_000] {
            let (batches, orders) = draw(items, 3, 9);
            assert_eq!(orders.len(), items);
            assert_eq!(batches.len(), orders.last().map_or(0, |order| order.batch + 1));
            let marks: HashSet<_> = orders.iter().map(|order| (order.family, &order.params)).collect();
            assert_eq!(marks.len(), items);
        }
    }

    /// The expectations are the demo's own; here they meet the engine's check, without a service.
    #[test]
    fn the_engine_refuses_what_is_expected_to_be_refused_and_nothing_else() {
        let (batches, orders) = draw(20_000, 50, 3);
        let mut codes = HashSet::new();
        for (number, batch) in batches.iter().enumerate() {
            let body = batch.body.as_bytes();
            let report = check(body, batch.family, farm::ORG, &Known { devices: 50 }, &Limits::DEFAULT, Now::new(0, 1));
            assert_eq!(report.error, None);
            for (item, order) in report.items.iter().zip(orders.iter().filter(|order| order.batch == number)) {
                let expected = match &order.expected {
                    Expected::Refused(code) => *code,
                    Expected::Taken(_) => Code::SUCCESS,
                };
                assert_eq!(item.code, expected, "{order:?}: {item:?}");
                codes.insert(expected);
            }
        }
        assert_eq!(codes.len(), 8, "every kind of refusal is drawn: {codes:?}");
    }
}

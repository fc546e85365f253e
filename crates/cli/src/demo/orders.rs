//! Draws the demo's orders: commands to a wind farm, most of them valid, each with the result that is expected.

use std::fmt::Write as _;

use setpoint::{Code, Family};
use setpoint_devices::{Behaviour, DeviceId, Garbage, Output};

use super::plant;

/// How long after the timeout a late answer comes, in milliseconds.
const LATE_BY_MS: u64 = 600;
/// How long a slow answer takes that is in time, in milliseconds.
const SLOW_MS: u64 = 300;
/// A timeout that even a busy machine meets, in milliseconds.
const LONG_MS: u32 = 10_000;
/// Items of a batch, at most.
const BATCH_ITEMS: usize = 100;

/// One item, and its expected result.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// The number of its batch, from 0.
    pub(super) batch: usize,
    /// Its index in the batch.
    pub(super) index: usize,
    pub(super) family: Family,
    pub(super) request_id: Option<String>,
    pub(super) device: DeviceId,
    pub(super) asset_id: String,
    pub(super) target: String,
    /// The JSON that the device must receive. No other order of the family has the same.
    pub(super) params: String,
    pub(super) expected: Expected,
}

/// The expected result of an order.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Expected {
    /// Refused with this code.
    Refused(Code),
    /// Accepted, and handled by the device in this way.
    Accepted(Behaviour),
}

/// How many answers a device gives under this behaviour.
pub(super) fn expected_answers(behaviour: &Behaviour) -> usize {
    match behaviour {
        Behaviour::Never => 0,
        Behaviour::Twice | Behaviour::ConflictingTwice => 2,
        _ => 1,
    }
}

/// Whether an answer after this delay is slow and in time, and not late.
pub(super) fn is_slow_and_in_time(delay_ms: u64) -> bool {
    delay_ms == SLOW_MS
}

/// The body of one call.
#[derive(Debug)]
pub(super) struct Batch {
    pub(super) family: Family,
    pub(super) body: String,
}

/// What is wrong with an invalid item.
#[derive(Debug, Clone, Copy)]
enum Defect {
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

const DEFECTS: [Defect; 16] = [
    Defect::NoRequestId,
    Defect::NotAnObject,
    Defect::UnknownChannel,
    Defect::OtherFamilysChannel,
    Defect::UnknownDevice,
    Defect::NoDevice,
    Defect::UnsafeDevice,
    Defect::UnknownTarget,
    Defect::EmptyTarget,
    Defect::Timeout,
    Defect::InputIsText,
    Defect::NumberTooLarge,
    Defect::OtherOrg,
    Defect::SameIdTwice,
    Defect::NoValue,
    Defect::TwoValues,
];

impl Defect {
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

/// Draws `items` orders for `devices` turbines. The same seed draws the same orders.
pub(super) fn draw(items: usize, devices: usize, seed: u64) -> (Vec<Batch>, Vec<Order>) {
    let mut rng = fastrand::Rng::with_seed(seed);
    let size = items.div_ceil(2).clamp(1, BATCH_ITEMS);
    let mut batches: Vec<Batch> = Vec::new();
    let mut orders: Vec<Order> = Vec::with_capacity(items);
    let mut texts: Vec<Fields> = Vec::new();
    for number in 0..items {
        let (batch, index) = (number / size, number % size);
        let family = Family::ALL[batch % 2];
        let turbine = rng.usize(..devices);
        let (order, fields) = draw_order(&mut rng, number, batch, index, family, turbine, seed);
        // This defect takes two items: from here on both are to be refused.
        if let (Some(earlier), Some(Defect::SameIdTwice)) = (orders.last_mut().filter(|_| index > 0), fields.defect)
            && let Some(id) = earlier.request_id.clone()
            && matches!(earlier.expected, Expected::Accepted(_))
        {
            earlier.expected = Expected::Refused(Code::PARA_ERROR);
            orders.push(Order { request_id: Some(id.clone()), ..order });
            texts.push(Fields { request_id: Some(id), ..fields });
        } else if matches!(fields.defect, Some(Defect::SameIdTwice)) {
            // There is no item before it, so it is valid.
            orders.push(Order { expected: Expected::Accepted(Behaviour::succeed()), ..order });
            texts.push(Fields { defect: None, timeout: LONG_MS, ..fields });
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

fn draw_order(
    rng: &mut fastrand::Rng,
    number: usize,
    batch: usize,
    index: usize,
    family: Family,
    turbine: usize,
    seed: u64,
) -> (Order, Fields) {
    let defect = (rng.f64() < 0.04).then(|| rng.choice(DEFECTS)).flatten();
    // Two of the defects exist only for writes.
    let defect = match defect {
        Some(Defect::NoValue | Defect::TwoValues) if family == Family::Invoke => Some(Defect::InputIsText),
        other => other,
    };
    let targets = plant::targets(family);
    let target = targets[rng.usize(..targets.len())].to_owned();
    let timeout = rng.u32(1_500..=2_500);
    let (behaviour, timeout) = draw_behaviour(rng.f64() * 100.0, timeout, number);
    // The number makes them unique within the family.
    let (params, input) = match family {
        Family::Invoke => {
            let input = format!("{{\"tag\":\"{seed}-{number}\",\"ramp\":{}}}", rng.u8(..60));
            (input.clone(), input)
        }
        Family::Write => (format!("{{\"{target}\":{number}}}"), format!("{{\"arg\":{number}}}")),
    };
    let request_id = match defect {
        Some(Defect::NoRequestId | Defect::NotAnObject) => None,
        _ => Some(format!("demo-{seed}-{number}")),
    };
    let order = Order {
        batch,
        index,
        family,
        request_id: request_id.clone(),
        device: plant::device(turbine),
        asset_id: plant::asset(turbine),
        target: target.clone(),
        params,
        expected: defect.map_or(Expected::Accepted(behaviour), |defect| Expected::Refused(defect.code(family))),
    };
    (order, Fields { defect, request_id, turbine, target, input, timeout, form: rng.u8(..3) })
}

/// How the device handles an order, and the order's timeout: `short` if no answer is to come in time.
fn draw_behaviour(drawn: f64, short: u32, number: usize) -> (Behaviour, u32) {
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

/// The fields of an item.
struct Fields {
    defect: Option<Defect>,
    request_id: Option<String>,
    turbine: usize,
    target: String,
    /// JSON.
    input: String,
    timeout: u32,
    /// How the device is named: 0 by its asset id, 1 by its keys, 2 by both.
    form: u8,
}

impl Fields {
    fn write(self, family: Family) -> String {
        let defect = self.defect;
        if matches!(defect, Some(Defect::NotAnObject)) {
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
        let channel = match defect {
            Some(Defect::UnknownChannel) => format!("{}nowhere", table.channel_prefix),
            Some(Defect::OtherFamilysChannel) => plant::channel(other(family)).to_owned(),
            _ => plant::channel(family).to_owned(),
        };
        field(table.channel_field, format!("\"{channel}\""));
        let (keys, asset) = match defect {
            Some(Defect::NoDevice) => (None, None),
            Some(Defect::UnknownDevice) => (None, Some("wtg-unknown".to_owned())),
            Some(Defect::UnsafeDevice) => (Some("t/#".to_owned()), None),
            _ => {
                let (device, asset) = (plant::device(self.turbine).device_key, plant::asset(self.turbine));
                ((self.form != 0).then_some(device), (self.form != 1).then_some(asset))
            }
        };
        if let Some(key) = keys {
            field("productKey", format!("\"{}\"", plant::PRODUCT));
            field("deviceKey", format!("\"{key}\""));
        }
        if let Some(asset) = asset {
            field("assetId", format!("\"{asset}\""));
        }
        let target = match defect {
            Some(Defect::UnknownTarget) => "fly",
            Some(Defect::EmptyTarget) => "",
            _ => &self.target,
        };
        field(table.target_field, format!("\"{target}\""));
        if matches!(defect, Some(Defect::OtherOrg)) {
            field("orgId", "\"somebody-else\"".to_owned());
        }
        let input = match defect {
            Some(Defect::InputIsText) => "\"start\"".to_owned(),
            Some(Defect::NumberTooLarge) => "{\"arg\":1e400}".to_owned(),
            Some(Defect::NoValue) => "{}".to_owned(),
            Some(Defect::TwoValues) => "{\"arg\":1,\"other\":2}".to_owned(),
            _ => self.input,
        };
        field("inputData", input);
        let timeout = if matches!(defect, Some(Defect::Timeout)) { 300_001 } else { self.timeout };
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
    use crate::demo::plant::PlantDirectory;

    #[test]
    fn the_same_seed_draws_the_same_orders_and_another_one_others() {
        let bodies = |seed| draw(500, 7, seed).0.into_iter().map(|batch| batch.body).collect::<Vec<_>>();
        assert_eq!(bodies(1), bodies(1));
        assert_ne!(bodies(1), bodies(2));
    }

    #[test]
    fn every_number_of_items_is_drawn_in_full_and_all_parameters_are_unique() {
        for items in [1, 2, 3, 99, 100, 201, 1_000] {
            let (batches, orders) = draw(items, 3, 9);
            assert_eq!(orders.len(), items);
            assert_eq!(batches.len(), orders.last().map_or(0, |order| order.batch + 1));
            let params: HashSet<_> = orders.iter().map(|order| (order.family, &order.params)).collect();
            assert_eq!(params.len(), items);
        }
    }

    /// The demo's own expectations, compared with the engine's check, without a service.
    #[test]
    fn the_engine_refuses_what_is_expected_to_be_refused_and_nothing_else() {
        let (batches, orders) = draw(20_000, 50, 3);
        let mut codes = HashSet::new();
        for (number, batch) in batches.iter().enumerate() {
            let body = batch.body.as_bytes();
            let report = check(
                body,
                batch.family,
                plant::ORG,
                &PlantDirectory { devices: 50 },
                &Limits::DEFAULT,
                Now::new(0, 1),
            );
            assert_eq!(report.error, None);
            for (item, order) in report.items.iter().zip(orders.iter().filter(|order| order.batch == number)) {
                let expected = match &order.expected {
                    Expected::Refused(code) => *code,
                    Expected::Accepted(_) => Code::SUCCESS,
                };
                assert_eq!(item.code, expected, "{order:?}: {item:?}");
                codes.insert(expected);
            }
        }
        assert_eq!(codes.len(), 8, "every kind of refusal is drawn: {codes:?}");
    }
}

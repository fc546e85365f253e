//! Batches of invokes and of writes.

use std::fmt::Write;

use setpoint::Family;

use crate::{SEED, park, request_id};

/// A batch body.
#[derive(Debug, Clone)]
pub struct Batch {
    /// JSON in UTF-8.
    pub body: Vec<u8>,
    /// How many items it has.
    pub items: usize,
    /// How many of them are refused for their form.
    pub refused: usize,
}

/// A batch of so many items of about 315 bytes each, compact JSON, one in ten invalid in one of several ways.
///
/// Request ids are distinct. About one payload in twenty has an escape in it, and one in ten text beyond ASCII.
pub fn batch(family: Family, items: usize) -> Batch {
    batch_from(&mut fastrand::Rng::with_seed(SEED ^ items as u64), family, items)
}

/// [`batch`] with what the generator gives next: other ids and values each time.
pub fn batch_from(rng: &mut fastrand::Rng, family: Family, items: usize) -> Batch {
    // A batch of one shows what most batches of one are: valid.
    build(rng, family, items, |index| index % 10 == 7)
}

/// [`batch`] without invalid items.
pub fn valid_batch(family: Family, items: usize) -> Batch {
    valid_batch_from(&mut fastrand::Rng::with_seed(SEED ^ items as u64), family, items)
}

/// [`valid_batch`] with what the generator gives next.
pub(crate) fn valid_batch_from(rng: &mut fastrand::Rng, family: Family, items: usize) -> Batch {
    build(rng, family, items, |_| false)
}

fn build(rng: &mut fastrand::Rng, family: Family, items: usize, is_invalid: impl Fn(usize) -> bool) -> Batch {
    let mut body = String::from(r#"{"data":["#);
    let mut refused = 0;
    for index in 0..items {
        if index > 0 {
            body.push(',');
        }
        let item = Item::new(rng, family);
        if is_invalid(index) {
            refused += 1;
            item.invalid(&mut body, rng.usize(..9));
        } else {
            item.write(&mut body);
        }
    }
    body.push_str("]}");
    Batch { body: body.into_bytes(), items, refused }
}

/// The JSON text of each member's value; `None` leaves the member out.
struct Item {
    family: Family,
    request_id: Option<String>,
    org_id: Option<String>,
    channel_id: Option<String>,
    product_key: Option<String>,
    device_key: Option<String>,
    asset_id: Option<String>,
    target: Option<String>,
    input: Option<String>,
    timeout: Option<String>,
    gmt: Option<String>,
}

impl Item {
    fn new(rng: &mut fastrand::Rng, family: Family) -> Self {
        let id = request_id(rng);
        let turbine = rng.u32(..park::TURBINES);
        let channel = match family {
            Family::Invoke => "DATASVC.CONTROL.ops-north",
            Family::Write => "DATASVC.SET.ops-north",
        };
        let target = match family {
            Family::Invoke => ["setActivePower", "start", "stop", "yawTo"][rng.usize(..4)],
            Family::Write => ["WTG.ActivePowerSetpoint", "WTG.PitchAngle"][rng.usize(..2)],
        };
        let text = |text: &str| Some(format!("\"{text}\""));
        Self {
            family,
            request_id: text(&id),
            org_id: text(crate::ORG),
            channel_id: text(channel),
            product_key: text(park::PRODUCT_KEY),
            device_key: text(&park::device_key(turbine)),
            asset_id: text(&park::asset_id(turbine)),
            target: text(target),
            input: Some(input(rng, family)),
            timeout: Some([30_000, 60_000, 5_000][rng.usize(..3)].to_string()),
            gmt: Some((1_536_638_267_000 + u64::from(rng.u32(..1_000))).to_string()),
        }
    }

    /// Writes the item with one of nine faults.
    fn invalid(mut self, out: &mut String, kind: usize) {
        let text = |text: &str| Some(format!("\"{text}\""));
        match kind {
            0 => self.request_id = None,
            1 => self.timeout = Some("0".to_owned()),
            2 => self.timeout = text("30000"),
            3 => self.channel_id = text("DATASVC.OTHER.ops-north"),
            4 => self.target = Some("null".to_owned()),
            5 => self.input = Some("[12.5]".to_owned()),
            6 => (self.asset_id, self.device_key) = (None, None),
            7 => self.org_id = text("o99999"),
            _ => self.request_id = text(""),
        }
        self.write(out);
    }

    fn write(&self, out: &mut String) {
        let (channel, target) = match self.family {
            Family::Invoke => ("controlChannelId", "serviceId"),
            Family::Write => ("setMeasurepointChannelId", "measurepointId"),
        };
        let members = [
            ("requestId", &self.request_id),
            ("orgId", &self.org_id),
            (channel, &self.channel_id),
            ("productKey", &self.product_key),
            ("deviceKey", &self.device_key),
            ("assetId", &self.asset_id),
            (target, &self.target),
            ("inputData", &self.input),
            ("timeout", &self.timeout),
            ("gmtServiceRequest", &self.gmt),
        ];
        let mut separator = '{';
        for (name, value) in members {
            if let Some(value) = value {
                // Writing to a string does not fail.
                let _ = write!(out, "{separator}\"{name}\":{value}");
                separator = ',';
            }
        }
        out.push('}');
    }
}

fn input(rng: &mut fastrand::Rng, family: Family) -> String {
    let value = f64::from(rng.u32(..25_000)) / 10.0;
    if family == Family::Write {
        return format!(r#"{{"arg":{value}}}"#);
    }
    let note = match rng.u32(..20) {
        0 => r#"say \"slow\"\n"#,
        1 | 2 => "Höchstlast für Kran",
        _ => "grid request",
    };
    format!(r#"{{"limit":{value},"ramp":{},"note":"{note}"}}"#, rng.u32(..60))
}

#[cfg(test)]
mod tests {
    use setpoint::{AnyDirectory, Limits, Now, check::check};

    use super::*;
    use crate::{EPOCH_MS, ORG};

    #[test]
    fn batches_are_what_they_say() {
        for family in [Family::Invoke, Family::Write] {
            for items in crate::SIZES {
                let batch = batch(family, items);
                let now = Now::new(0, EPOCH_MS);
                let report = check(&batch.body, family, ORG, &AnyDirectory, &Limits::DEFAULT, now);
                assert_eq!(report.error, None);
                assert_eq!(report.items.len(), items);
                assert_eq!(report.items.iter().filter(|item| !item.faults.is_empty()).count(), batch.refused);
                assert_eq!(batch.refused, (items + 2) / 10);
                let bytes = batch.body.len() / items;
                assert!((260..360).contains(&bytes), "{bytes} bytes an item");
                let valid = valid_batch(family, items);
                assert!(
                    check(&valid.body, family, ORG, &AnyDirectory, &Limits::DEFAULT, now)
                        .items
                        .iter()
                        .all(|item| item.code == setpoint::Code::SUCCESS)
                );
            }
        }
    }

    #[test]
    fn the_same_seed_gives_the_same_bytes() {
        assert_eq!(batch(Family::Invoke, 50).body, batch(Family::Invoke, 50).body);
    }
}

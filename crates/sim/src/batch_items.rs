//! The items that callers send, valid and invalid, and the JSON text of a batch.

use std::fmt::Write;

use setpoint::Family;

use crate::{
    coverage::Coverage,
    faults::{Fault, Faults},
    plan::Plan,
    rng::Rng,
    world::{ORGS, TARGETS, World, channel},
};

/// One item of a batch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    pub(crate) id: String,
    pub(crate) channel: String,
    pub(crate) naming: Naming,
    /// The index of its device in the world.
    pub(crate) device: usize,
    pub(crate) target: String,
    /// The members of `inputData`, with values as JSON text.
    pub(crate) input: Vec<(String, String)>,
    pub(crate) timeout: Option<u32>,
    pub(crate) gmt: Option<i64>,
    pub(crate) callback: bool,
    pub(crate) flaw: Option<Flaw>,
}

/// How the device is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Naming {
    Asset,
    Keys,
    /// By asset id, which takes precedence, and by the keys of another device.
    All,
}

/// What is wrong with an invalid item.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    NotAnObject,
    NoId,
    Timeout(&'static str),
    UnknownChannel,
    OtherFamilysChannel,
    UnknownDevice,
    ForeignDevice,
    ForeignOrg,
    HugeNumber,
    NoValue,
    TopicInTarget,
}

impl Flaw {
    const ALL: [Self; 15] = [
        Self::NotAnObject,
        Self::NoId,
        Self::Timeout("0"),
        Self::Timeout("-1"),
        Self::Timeout("300001"),
        Self::Timeout("9223372036854775808"),
        Self::Timeout("\"30000\""),
        Self::UnknownChannel,
        Self::OtherFamilysChannel,
        Self::UnknownDevice,
        Self::ForeignDevice,
        Self::ForeignOrg,
        Self::HugeNumber,
        Self::NoValue,
        Self::TopicInTarget,
    ];

    /// The code that the item must be answered with.
    pub(crate) fn code(self, family: Family) -> i64 {
        match self {
            Self::UnknownChannel | Self::OtherFamilysChannel => family.table().channel_missing.0,
            Self::UnknownDevice | Self::ForeignDevice => 1_000_201,
            Self::HugeNumber => 1_004,
            Self::NoValue => 1_000_212,
            _ => 1_000,
        }
    }

    /// Whether it is a fault of form, which is found before the request id is looked up. Otherwise it shows only in the
    /// directory.
    pub(crate) fn is_of_form(self) -> bool {
        !matches!(self, Self::UnknownChannel | Self::UnknownDevice | Self::ForeignDevice)
    }
}

impl Item {
    pub(crate) fn draw(rng: &mut Rng, plan: &Plan, world: &World, org: usize, family: Family, id: String) -> Self {
        let device = org * world.per_org() + rng.index(world.per_org());
        let unique = rng.below(1 << 40);
        let input = match family {
            Family::Invoke if rng.chance(200) => Vec::new(),
            Family::Invoke => {
                let exact = rng.pick(&["1.0", "18446744073709551616", "-0", "\"é\\n\"", "[1,{\"x\":null}]"]);
                vec![("unique".to_owned(), unique.to_string()), ("exact".to_owned(), exact.to_owned())]
            }
            Family::Write => vec![("arg".to_owned(), format!("{unique}.0"))],
        };
        let naming = rng.pick(&[Naming::Asset, Naming::Keys, Naming::All]);
        Self {
            id,
            channel: channel(family, rng.below(plan.channels)),
            naming,
            device,
            target: TARGETS[rng.index(TARGETS.len())].to_owned(),
            input,
            timeout: rng.pick(plan.timeouts),
            gmt: rng.coin().then(|| rng.below(1 << 41) as i64 + 1),
            callback: rng.chance(100),
            flaw: None,
        }
    }

    /// Makes the item invalid, if the fault strikes.
    pub(crate) fn maybe_invalidate(&mut self, faults: &mut Faults, coverage: &mut Coverage, family: Family) {
        if !faults.strikes(Fault::InvalidItems) {
            return;
        }
        coverage.fault(Fault::InvalidItems);
        let flaw = faults.chance(Fault::InvalidItems).pick(&Flaw::ALL);
        let fits = match flaw {
            Flaw::NoValue => family == Family::Write,
            Flaw::TopicInTarget => family == Family::Invoke,
            _ => true,
        };
        if fits {
            self.flaw = Some(flaw);
        }
    }

    /// What is compared when the same request id comes again, in a canonical form.
    pub(crate) fn content(&self) -> String {
        let mut input = self.input.clone();
        input.sort();
        let Self { channel, naming, device, target, timeout, callback, .. } = self;
        format!("{channel}|{naming:?}|{device}|{target}|{}|{callback}|{input:?}", timeout.unwrap_or(30_000))
    }

    pub(crate) fn timeout_ms(&self) -> u32 {
        self.timeout.unwrap_or(30_000)
    }

    /// The `inputData` as it is written in the plain spelling.
    pub(crate) fn input_text(&self, odd: bool) -> String {
        let mut members: Vec<_> = self.input.iter().map(|(key, value)| (key.clone(), value.clone())).collect();
        if odd {
            members.reverse();
        }
        let (comma, colon) = if odd { (" ,\n", "\t: ") } else { (",", ":") };
        let members: Vec<_> = members
            .into_iter()
            .map(|(key, value)| {
                let key = if odd { key.replace('u', "\\u0075") } else { key };
                format!("\"{key}\"{colon}{value}")
            })
            .collect();
        format!("{{{}}}", members.join(comma))
    }

    fn write(&self, out: &mut String, family: Family, org: usize, world: &World, odd: bool) {
        if self.flaw == Some(Flaw::NotAnObject) {
            out.push_str("[1]");
            return;
        }
        let table = family.table();
        let mut members = Vec::new();
        let mut add = |name: &str, value: String| members.push(format!("\"{name}\":{value}"));
        if self.flaw != Some(Flaw::NoId) {
            add("requestId", format!("\"{}\"", self.id));
        }
        match self.flaw {
            Some(Flaw::ForeignOrg) => add("orgId", format!("\"{}\"", ORGS[1 - org])),
            _ if odd => add("orgId", "null".to_owned()),
            _ => {}
        }
        let channel_id = match self.flaw {
            Some(Flaw::UnknownChannel) => format!("{}missing", table.channel_prefix),
            Some(Flaw::OtherFamilysChannel) => channel(other(family), 0),
            _ => self.channel.clone(),
        };
        add(table.channel_field, format!("\"{channel_id}\""));
        let mut known = self.device;
        if self.flaw == Some(Flaw::ForeignDevice) {
            known = (known + world.per_org()) % world.devices.len();
        }
        let device = &world.devices[known].device;
        match (self.flaw, self.naming) {
            (Some(Flaw::UnknownDevice), _) => add("assetId", "\"nobody\"".to_owned()),
            // Both orgs have the same asset ids, so only the keys name a device of the other org.
            (Some(Flaw::ForeignDevice), _) | (_, Naming::Keys) => {
                add("productKey", format!("\"{}\"", device.product_key));
                add("deviceKey", format!("\"{}\"", device.device_key));
            }
            (_, Naming::Asset) => add("assetId", format!("\"{}\"", device.asset_id)),
            (_, Naming::All) => {
                add("productKey", "\"p\"".to_owned());
                add("deviceKey", "\"another\"".to_owned());
                add("assetId", format!("\"{}\"", device.asset_id));
            }
        }
        let target = if self.flaw == Some(Flaw::TopicInTarget) { "a/#" } else { &self.target };
        add(table.target_field, format!("\"{target}\""));
        if self.callback {
            add("callbackUrl", "\"http://169.254.169.254/\"".to_owned());
        }
        match self.flaw {
            Some(Flaw::HugeNumber) => add("inputData", "{\"arg\":1e400}".to_owned()),
            Some(Flaw::NoValue) => add("inputData", "{}".to_owned()),
            _ if self.input.is_empty() => {}
            _ => add("inputData", self.input_text(odd)),
        }
        match (self.flaw, self.timeout) {
            (Some(Flaw::Timeout(text)), _) => add("timeout", text.to_owned()),
            (_, Some(timeout)) => add("timeout", timeout.to_string()),
            _ if odd => add("timeout", "null".to_owned()),
            _ => {}
        }
        if let Some(gmt) = self.gmt {
            add("gmtServiceRequest", gmt.to_string());
        }
        if odd {
            members.reverse();
        }
        let _ = write!(out, "{{{}}}", members.join(if odd { ",\n " } else { "," }));
    }
}

pub(crate) fn other(family: Family) -> Family {
    match family {
        Family::Invoke => Family::Write,
        Family::Write => Family::Invoke,
    }
}

/// The body of a batch. `odd` writes it in an unusual way with the same meaning: other escapes, order and white space.
pub(crate) fn body(items: &[Item], family: Family, org: usize, world: &World, odd: bool) -> Vec<u8> {
    let mut out = "{\"data\":[".to_owned();
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        item.write(&mut out, family, org, world, odd);
    }
    out.push_str("]}");
    out.into_bytes()
}

impl Item {
    /// How long the requester waits for the item, without its grace. It takes a timeout that is unreadable or too long for
    /// the default.
    pub(crate) fn waits_ms(&self) -> u32 {
        match self.flaw {
            Some(Flaw::Timeout("0")) => 0,
            Some(Flaw::Timeout(_) | Flaw::NotAnObject) => 30_000,
            _ => self.timeout_ms(),
        }
    }
}

//! The rules of one item, as hand-written checks over what a deserialiser hands out.

use std::collections::HashSet;

use setpoint::limits::{
    DEFAULT_TIMEOUT_MS, MAX_CHANNEL_ID_BYTES, MAX_ID_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS,
};
use setpoint_benches::ORG;

/// An item's fields, borrowed from whatever holds them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Item<'a> {
    pub(super) request_id: Option<&'a str>,
    pub(super) org_id: Option<&'a str>,
    pub(super) channel_id: Option<&'a str>,
    pub(super) product_key: Option<&'a str>,
    pub(super) device_key: Option<&'a str>,
    pub(super) asset_id: Option<&'a str>,
    pub(super) service_id: Option<&'a str>,
    pub(super) callback_url: Option<&'a str>,
    /// Whether the input is an object, absent or null.
    pub(super) input_is_usable: bool,
    pub(super) timeout: Timeout,
    pub(super) gmt_service_request: Option<i64>,
}

#[derive(Debug, Clone, Copy)]
pub(super) enum Timeout {
    Absent,
    Integer(i64),
    Other,
}

impl Timeout {
    /// What the reply repeats.
    pub(super) fn echo(self) -> Option<i64> {
        match self {
            Self::Absent => Some(i64::from(DEFAULT_TIMEOUT_MS)),
            Self::Integer(timeout) => Some(timeout),
            Self::Other => None,
        }
    }
}

/// A code and what is wrong.
#[derive(Debug, Clone)]
pub(super) struct Fault {
    pub(super) code: i64,
    pub(super) reason: String,
}

/// Faults of form come before the channel's.
const FORM: i64 = 1000;
const CHANNEL_MISSING: i64 = setpoint::Code::CONTROL_CHANNEL_MISSING.0;

/// The verdict on every item.
pub(super) fn verdicts<'a>(items: impl ExactSizeIterator<Item = Item<'a>> + Clone) -> Vec<Option<Fault>> {
    let mut seen = HashSet::with_capacity(items.len());
    let mut is_repeated = false;
    let mut verdicts: Vec<_> = items
        .clone()
        .map(|item| {
            is_repeated |= item.request_id.is_some_and(|id| !id.is_empty() && !seen.insert(id));
            fault(&item)
        })
        .collect();
    if is_repeated {
        refuse_repeated(items, &mut verdicts);
    }
    verdicts
}

#[cold]
fn refuse_repeated<'a>(items: impl Iterator<Item = Item<'a>> + Clone, verdicts: &mut [Option<Fault>]) {
    let mut uses = std::collections::HashMap::<_, usize>::new();
    for id in items.clone().filter_map(|item| item.request_id) {
        *uses.entry(id).or_default() += 1;
    }
    for (item, verdict) in items.zip(verdicts) {
        if item.request_id.is_some_and(|id| !id.is_empty() && uses[id] > 1) {
            *verdict = form("requestId", "is used by several items of this batch");
        }
    }
}

fn fault(item: &Item<'_>) -> Option<Fault> {
    let range = || format!("must be an integer from {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS}, in milliseconds");
    required("requestId", item.request_id, MAX_REQUEST_ID_BYTES, false)
        .or_else(|| match item.org_id {
            Some(org) if !org.is_empty() && org != ORG => form("orgId", "differs from the orgId of the query"),
            _ => None,
        })
        .or_else(|| match item.channel_id {
            None => form("controlChannelId", "is missing"),
            Some("") => form("controlChannelId", "is empty"),
            Some(_) => None,
        })
        .or_else(|| device(item))
        .or_else(|| required("serviceId", item.service_id, MAX_ID_BYTES, true))
        .or_else(|| if item.input_is_usable { None } else { form("inputData", "must be an object") })
        .or_else(|| match item.timeout {
            Timeout::Absent => None,
            Timeout::Integer(timeout) if (i64::from(MIN_TIMEOUT_MS)..=i64::from(MAX_TIMEOUT_MS)).contains(&timeout) => {
                None
            }
            Timeout::Integer(_) | Timeout::Other => form("timeout", &range()),
        })
        .or_else(|| channel(item.channel_id.unwrap_or_default()))
}

fn required(field: &str, id: Option<&str>, most: usize, in_topic: bool) -> Option<Fault> {
    match id {
        None => form(field, "is missing"),
        Some("") => form(field, "is empty"),
        Some(id) => identifier(field, id, most, in_topic),
    }
}

fn identifier(field: &str, id: &str, most: usize, in_topic: bool) -> Option<Fault> {
    if id.len() > most {
        return form(field, &format!("is {} bytes long; at most {most} are allowed", id.len()));
    }
    if id.chars().any(char::is_control) {
        return form(field, "holds a control character");
    }
    if in_topic && (id.starts_with('$') || id.contains(['+', '#', '/'])) {
        return form(field, "holds what no part of a topic may");
    }
    None
}

fn device(item: &Item<'_>) -> Option<Fault> {
    let names = [
        ("assetId", item.asset_id, false),
        ("productKey", item.product_key, true),
        ("deviceKey", item.device_key, true),
    ];
    for (field, id, in_topic) in names {
        if let Some(fault) = id.and_then(|id| identifier(field, id, MAX_ID_BYTES, in_topic)) {
            return Some(fault);
        }
    }
    let is_named = |id: Option<&str>| id.is_some_and(|id| !id.is_empty());
    let by_keys = is_named(item.product_key) && is_named(item.device_key);
    if is_named(item.asset_id) || by_keys { None } else { form("assetId", "is missing: no device is named") }
}

fn channel(id: &str) -> Option<Fault> {
    let is_usable = id.len() <= MAX_CHANNEL_ID_BYTES
        && id.strip_prefix("DATASVC.CONTROL.").is_some_and(|rest| {
            !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte))
        });
    (!is_usable).then(|| fault_of(CHANNEL_MISSING, "controlChannelId", "is no channel of this family"))
}

fn form(field: &str, reason: &str) -> Option<Fault> {
    Some(fault_of(FORM, field, reason))
}

fn fault_of(code: i64, field: &str, reason: &str) -> Fault {
    Fault { code, reason: format!("{field}: {reason}") }
}

//! The rules of one item (protocol §2): from members to a command, or to every fault.

use super::{
    Command, Echo, Entry, RefusedItem,
    fields::{Fields, GMT_ALIAS, GMT_REQUEST},
    input,
    name::{channel_fault, control_reason, form, id_reason, is_valid_id, length_reason},
};
use crate::{
    Code, Family, Fault, Limits,
    json::{Text, Token, Value},
    limits::{DEFAULT_TIMEOUT_MS, MAX_CALLBACK_URL_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS},
};

pub(super) const REQUEST_ID: &str = "requestId";

/// An item that is not even an object: 1000, with null echoes (protocol §3, ours).
pub(super) fn not_an_object(value: Value<'_>) -> Entry<'_> {
    let fault = form("", format!("the item must be an object, not {}", value.kind()));
    Entry::Refused(RefusedItem { echo: Echo::default(), faults: vec![fault], device: None })
}

/// Decides about an item. Faults are found in the order of the protocol's field table.
///
/// `channel_id` is the valid one that was found last: most items of a batch have the same.
pub(super) fn judge<'a>(
    fields: &Fields<'a, '_>,
    channel_id: &mut &'a str,
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> Entry<'a> {
    let valid_channel = channel_id;
    let table = family.table();
    let text = fields.text;
    let mut faults = Vec::new();

    let request_id = match fields.request_id().printable(text) {
        Some(id) if (1..=MAX_REQUEST_ID_BYTES).contains(&id.len()) => Some(Text::verbatim(id, true)),
        _ => required(fields.request_id().value(text), REQUEST_ID, &mut faults, |id| {
            length_reason(id, MAX_REQUEST_ID_BYTES).or_else(|| control_reason(id))
        }),
    };
    if !fields.org_id().is_nothing() && fields.org_id().printable(text) != Some(org_id) {
        check_org(fields.org_id().value(text), org_id, &mut faults);
    }
    if !fields.call_type().is_nothing() {
        optional(fields.call_type().value(text), "callType", &mut faults);
    }
    let channel_id = match fields.channel_id().printable(text) {
        Some(id) if id == *valid_channel && !id.is_empty() => Some(Text::verbatim(id, true)),
        id => {
            let channel_id = channel(fields.channel_id().value(text), family, &mut faults);
            if faults.is_empty() {
                *valid_channel = id.unwrap_or_default();
            }
            channel_id
        }
    };
    let (asset_id, product_key, device_key) = device(fields, &mut faults);
    // A measure point is not part of a topic, so it may hold what a topic may not.
    let in_topic = family == Family::Invoke;
    let target = match fields.target().printable(text) {
        Some(id) if is_valid_id(text, fields.target(), in_topic) => Some(Text::verbatim(id, true)),
        _ => required(fields.target().value(text), table.target_field, &mut faults, |id| id_reason(id, in_topic)),
    };
    let callback_url = callback_url(fields.callback_url().value(text), &mut faults);
    let input = input::read(fields.input().value(text), family, limits, &mut faults);
    let (timeout, timeout_ms) = timeout(fields.timeout().value(text), &mut faults);
    let gmt_service_request = gmt_request(fields, &mut faults);

    if let (Some(request_id), Some(channel_id), Some(target), true) =
        (request_id, channel_id, target, faults.is_empty())
    {
        return Entry::Accepted(Command {
            request_id,
            channel_id,
            product_key,
            device_key,
            asset_id,
            target,
            callback_url,
            input,
            timeout_ms,
            gmt_service_request,
        });
    }
    // A stable sort: both groups keep the order of the table.
    faults.sort_by_key(|fault| fault.code != Code::PARA_ERROR);
    let echo = Echo {
        request_id,
        channel_id,
        product_key,
        device_key,
        asset_id,
        target,
        callback_url,
        input,
        timeout,
        gmt_service_request,
        is_object: true,
    };
    Entry::Refused(RefusedItem { echo, faults, device: None })
}

#[cold]
fn check_org(value: Value<'_>, org_id: &str, faults: &mut Vec<Fault>) {
    if let Some(org) = optional(value, "orgId", faults)
        && !org.is_empty()
        && org != *org_id
    {
        faults.push(form("orgId", "differs from the orgId of the query"));
    }
}

fn channel<'a>(value: Value<'a>, family: Family, faults: &mut Vec<Fault>) -> Option<Text<'a>> {
    let id = required(value, family.table().channel_field, faults, |_| None);
    faults.extend(id.filter(|id| !id.is_empty()).and_then(|id| channel_fault(family, id)));
    id
}

#[inline]
fn callback_url<'a>(value: Value<'a>, faults: &mut Vec<Fault>) -> Option<Text<'a>> {
    if value.is_nothing() {
        return None;
    }
    let url = optional(value, "callbackUrl", faults);
    if let Some(reason) = url.and_then(|url| length_reason(url, MAX_CALLBACK_URL_BYTES)) {
        faults.push(form("callbackUrl", reason));
    }
    url
}

/// A string that may be absent or null.
fn optional<'a>(value: Value<'a>, field: &'static str, faults: &mut Vec<Fault>) -> Option<Text<'a>> {
    match value {
        Value::Text(text) => return Some(text),
        Value::Absent | Value::Null => {}
        other => faults.push(form(field, ["must be a string, not ", other.kind()].concat())),
    }
    None
}

/// A string that must be present, not empty, and without a `reason` against it.
#[cold]
fn required<'a>(
    value: Value<'a>,
    field: &'static str,
    faults: &mut Vec<Fault>,
    reason: impl FnOnce(Text<'a>) -> Option<String>,
) -> Option<Text<'a>> {
    let text = optional(value, field, faults);
    match text {
        Some(text) if text.is_empty() => faults.push(form(field, "is empty")),
        Some(text) => faults.extend(reason(text).map(|reason| form(field, reason))),
        None if value == Value::Absent => faults.push(form(field, "is missing")),
        None if value == Value::Null => faults.push(form(field, "is null")),
        // `optional` has reported the wrong type.
        None => {}
    }
    text
}

/// Asset id, product key and device key, and whether they identify a device: null and "" count as absent.
#[inline]
fn device<'a>(
    fields: &Fields<'a, '_>,
    faults: &mut Vec<Fault>,
) -> (Option<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>) {
    let mut name = |token: Token, field, in_topic| match token.printable(fields.text) {
        Some(id) if is_valid_id(fields.text, token, in_topic) => Some(Text::verbatim(id, true)),
        _ if token.is_nothing() => None,
        _ => {
            let text = optional(token.value(fields.text), field, faults).filter(|text| !text.is_empty());
            faults.extend(text.and_then(|text| id_reason(text, in_topic)).map(|reason| form(field, reason)));
            text
        }
    };
    let asset_id = name(fields.asset_id(), "assetId", false);
    let product_key = name(fields.product_key(), "productKey", true);
    let device_key = name(fields.device_key(), "deviceKey", true);
    if asset_id.is_none() {
        check_device(fields, product_key, device_key, faults);
    }
    (asset_id, product_key, device_key)
}

/// Whether a device is named without an asset id.
fn check_device(
    fields: &Fields<'_, '_>,
    product_key: Option<Text<'_>>,
    device_key: Option<Text<'_>>,
    faults: &mut Vec<Fault>,
) {
    // A name of the wrong type has been reported, and may be the one that is missing here.
    let is_wrong = |token: &Token| {
        let value = token.value(fields.text);
        !value.is_nothing() && !matches!(value, Value::Text(_))
    };
    if [fields.asset_id(), fields.product_key(), fields.device_key()].iter().any(is_wrong) {
        return;
    }
    match (product_key, device_key) {
        (Some(_), Some(_)) => {}
        (Some(_), None) => faults.push(form("deviceKey", "is missing: with productKey it names the device")),
        (None, Some(_)) => faults.push(form("productKey", "is missing: with deviceKey it names the device")),
        (None, None) => {
            faults.push(form("assetId", "is missing, and so are productKey and deviceKey: no device is named"));
        }
    }
}

/// The timeout to echo, and the effective one, in milliseconds.
fn timeout(value: Value<'_>, faults: &mut Vec<Fault>) -> (Option<i64>, u32) {
    if value.is_nothing() {
        return (Some(i64::from(DEFAULT_TIMEOUT_MS)), DEFAULT_TIMEOUT_MS);
    }
    let sent = value.integer();
    let usable = sent.and_then(|sent| u32::try_from(sent).ok());
    match usable.filter(|ms| (MIN_TIMEOUT_MS..=MAX_TIMEOUT_MS).contains(ms)) {
        Some(ms) => (sent, ms),
        None => {
            const { assert!(MIN_TIMEOUT_MS == 1 && MAX_TIMEOUT_MS == 300_000) };
            faults.push(form("timeout", "must be an integer from 1 to 300000, in milliseconds"));
            (sent, DEFAULT_TIMEOUT_MS)
        }
    }
}

/// `gmtServiceRequest`, or its alias if that is absent or null. A value that is not positive counts as absent.
fn gmt_request(fields: &Fields<'_, '_>, faults: &mut Vec<Fault>) -> Option<i64> {
    let mut read = |value: Value<'_>, field| {
        let integer = value.integer();
        if integer.is_none() && !value.is_nothing() {
            faults.push(form(field, "must be an integer of 64 bits, in epoch milliseconds"));
        }
        integer
    };
    let gmt_request = fields.gmt_request().value(fields.text);
    let (sent, alias) = (read(gmt_request, GMT_REQUEST), read(fields.gmt_alias().value(fields.text), GMT_ALIAS));
    let counts = if gmt_request.is_nothing() { alias } else { sent };
    counts.filter(|&gmt| gmt > 0)
}

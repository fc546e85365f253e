//! The rules of one item (protocol §2): from members to a command, or to every fault.

use super::{
    Command, Echo, Entry, Refusal,
    fields::{Fields, GMT_ALIAS, GMT_REQUEST},
    input,
    name::{channel_fault, control_reason, form, id_reason, length_reason},
};
use crate::{
    Code, Family, Fault, Limits,
    json::{Text, Value},
    limits::{DEFAULT_TIMEOUT_MS, MAX_CALLBACK_URL_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS},
};

pub(super) const REQUEST_ID: &str = "requestId";

/// An item that is not even an object: 1000, with null echoes (protocol §3, ours).
pub(super) fn not_an_object(value: Value<'_>) -> Entry<'_> {
    let fault = form("", format!("the item must be an object, not {}", value.kind()));
    Entry::Refused(Refusal { echo: Echo::default(), faults: vec![fault], device: None })
}

/// Judges an item. Faults arise in the order of the protocol's field table.
pub(super) fn judge<'a>(fields: &Fields<'a>, family: Family, org_id: &str, limits: &Limits) -> Entry<'a> {
    let table = family.table();
    let mut faults = Vec::new();

    let request_id = required(fields.request_id, REQUEST_ID, &mut faults, |id| {
        length_reason(id, MAX_REQUEST_ID_BYTES).or_else(|| control_reason(id))
    });
    if let Some(org) = optional(fields.org_id, "orgId", &mut faults)
        && !org.is_empty()
        && org != *org_id
    {
        faults.push(form("orgId", "differs from the orgId of the query"));
    }
    optional(fields.call_type, "callType", &mut faults);
    let channel_id = required(fields.channel_id, table.channel_field, &mut faults, |_| None);
    faults.extend(channel_id.filter(|id| !id.is_empty()).and_then(|id| channel_fault(family, id)));
    let (asset_id, product_key, device_key) = device(fields, &mut faults);
    let target = required(fields.target, table.target_field, &mut faults, |id| {
        // A measure point travels in the payload, so it may hold what a topic may not.
        id_reason(id, family == Family::Invoke)
    });
    let callback_url = optional(fields.callback_url, "callbackUrl", &mut faults);
    if let Some(reason) = callback_url.and_then(|url| length_reason(url, MAX_CALLBACK_URL_BYTES)) {
        faults.push(form("callbackUrl", reason));
    }
    let input = input::read(fields.input, family, limits, &mut faults);
    let (timeout, timeout_ms) = timeout(fields.timeout, &mut faults);
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
    // Stable: within each of the two groups the order of the table stays.
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
    Entry::Refused(Refusal { echo, faults, device: None })
}

/// A string that may be absent or null.
fn optional<'a>(value: Value<'a>, field: &'static str, faults: &mut Vec<Fault>) -> Option<Text<'a>> {
    match value {
        Value::Text(text) => return Some(text),
        Value::Absent | Value::Null => {}
        other => faults.push(form(field, format!("must be a string, not {}", other.kind()))),
    }
    None
}

/// A string that must be there and not be empty, and for which `reason` finds nothing wrong.
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
        // The wrong type has been reported.
        None => {}
    }
    text
}

/// Asset id, product key and device key, and whether they identify a device: null and "" count as absent.
fn device<'a>(fields: &Fields<'a>, faults: &mut Vec<Fault>) -> (Option<Text<'a>>, Option<Text<'a>>, Option<Text<'a>>) {
    let mut name = |value, field, in_topic| {
        let text = optional(value, field, faults).filter(|text| !text.is_empty());
        faults.extend(text.and_then(|text| id_reason(text, in_topic)).map(|reason| form(field, reason)));
        text
    };
    let asset_id = name(fields.asset_id, "assetId", false);
    let product_key = name(fields.product_key, "productKey", true);
    let device_key = name(fields.device_key, "deviceKey", true);

    // A name of the wrong type has been reported as that, and may well have been meant to be the missing one.
    let is_wrong = |value: Value<'_>| !value.is_nothing() && !matches!(value, Value::Text(_));
    let is_reported = [fields.asset_id, fields.product_key, fields.device_key].into_iter().any(is_wrong);
    if asset_id.is_none() && !is_reported {
        match (product_key, device_key) {
            (Some(_), Some(_)) => {}
            (Some(_), None) => faults.push(form("deviceKey", "is missing: with productKey it names the device")),
            (None, Some(_)) => faults.push(form("productKey", "is missing: with deviceKey it names the device")),
            (None, None) => {
                faults.push(form("assetId", "is missing, and so are productKey and deviceKey: no device is named"));
            }
        }
    }
    (asset_id, product_key, device_key)
}

/// The timeout to echo and the one that counts, in milliseconds.
fn timeout(value: Value<'_>, faults: &mut Vec<Fault>) -> (Option<i64>, u32) {
    if value.is_nothing() {
        return (Some(i64::from(DEFAULT_TIMEOUT_MS)), DEFAULT_TIMEOUT_MS);
    }
    let sent = value.integer();
    let usable = sent.and_then(|sent| u32::try_from(sent).ok());
    match usable.filter(|ms| (MIN_TIMEOUT_MS..=MAX_TIMEOUT_MS).contains(ms)) {
        Some(ms) => (sent, ms),
        None => {
            let range = format!("must be an integer from {MIN_TIMEOUT_MS} to {MAX_TIMEOUT_MS}, in milliseconds");
            faults.push(form("timeout", range));
            (sent, DEFAULT_TIMEOUT_MS)
        }
    }
}

/// `gmtServiceRequest`, or its alias where that is absent or null; what is not positive counts as absent.
fn gmt_request(fields: &Fields<'_>, faults: &mut Vec<Fault>) -> Option<i64> {
    let mut read = |value: Value<'_>, field| {
        let integer = value.integer();
        if integer.is_none() && !value.is_nothing() {
            faults.push(form(field, "must be an integer of 64 bits, in epoch milliseconds"));
        }
        integer
    };
    let (sent, alias) = (read(fields.gmt_request, GMT_REQUEST), read(fields.gmt_alias, GMT_ALIAS));
    let counts = if fields.gmt_request.is_nothing() { alias } else { sent };
    counts.filter(|&gmt| gmt > 0)
}

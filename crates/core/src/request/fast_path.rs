//! Items that are accepted at a glance: every member is there or not, of the right type, and written plainly.
//!
//! Nearly every item is one. What is decided here is what [`super::item`] would decide, and whatever is not plain is left
//! to it; the point is not to make texts and commands of what is only copied into a reply.

use super::{
    Command,
    fields::Fields,
    name::{channel_fault, is_plain_id},
};
use crate::{
    Family, Limits,
    json::{Members, Text, Token, Value},
    limits::{DEFAULT_TIMEOUT_MS, MAX_CALLBACK_URL_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS},
};

/// The command of an item that [is acceptable](is_acceptable).
#[inline]
pub(super) fn command<'a>(fields: &Fields<'a, '_>) -> Command<'a> {
    let text = fields.text;
    let optional = |token: Token| token.printable(text).map(|content| Text::verbatim(content, true));
    let required = |token: Token| optional(token).unwrap_or_else(|| Text::plain(""));
    let input = match fields.input().value(text) {
        Value::Object(object) => Some(object.payload()),
        _ => None,
    };
    let timeout = fields.timeout().integer(text).and_then(|ms| u32::try_from(ms).ok());
    Command {
        request_id: required(fields.request_id()),
        channel_id: required(fields.channel_id()),
        product_key: optional(fields.product_key()),
        device_key: optional(fields.device_key()),
        asset_id: optional(fields.asset_id()),
        target: required(fields.target()),
        callback_url: optional(fields.callback_url()),
        input,
        timeout_ms: timeout.unwrap_or(DEFAULT_TIMEOUT_MS),
        gmt_service_request: fields.gmt_request().integer(text),
    }
}

/// As many digits as the longest timeout has.
const MAX_TIMEOUT_DIGITS: usize = 6;

/// Whether the item is accepted, for all that can be seen at a glance; `false` says nothing.
#[inline(always)]
pub(super) fn is_acceptable<'a>(
    fields: &Fields<'a, '_>,
    before: &mut Before<'a>,
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> bool {
    // What was right in the item before is right again.
    if !(before.is_right && fields.are_as_before()) {
        before.is_right = is_right_place(fields, &mut before.channel_id, family, org_id);
    }
    before.is_right && is_plain_rest(fields, family, limits)
}

/// What is known of the item before.
#[derive(Debug, Default)]
pub(super) struct Before<'a> {
    /// A channel id that was found right: most items of a batch have the same.
    pub(super) channel_id: &'a str,
    /// Whether [`is_right_place`] said so.
    is_right: bool,
}

/// Whether org, channel and product key are right.
fn is_right_place<'a>(fields: &Fields<'a, '_>, channel_id: &mut &'a str, family: Family, org_id: &str) -> bool {
    let (org, channel, product_key) = (fields.org_id(), fields.channel_id(), fields.product_key());
    (org.kind_bit() | product_key.kind_bit()) & !Token::PRINTABLE_OR_NOTHING == 0
        && (org.is_nothing() || org.bytes(fields.text) == org_id.as_bytes())
        && is_plain_id_or_nothing(fields.text, product_key, true)
        && is_right_channel(channel.printable(fields.text).unwrap_or_default(), channel_id, family)
}

/// Whether everything else is.
#[inline(always)]
fn is_plain_rest(fields: &Fields<'_, '_>, family: Family, limits: &Limits) -> bool {
    let text = fields.text;
    let (asset_id, product_key, device_key) = (fields.asset_id(), fields.product_key(), fields.device_key());
    let (request_id, target, callback_url) = (fields.request_id(), fields.target(), fields.callback_url());
    let (timeout, gmt, input) = (fields.timeout(), fields.gmt_request(), fields.input());

    let texts = [fields.call_type(), asset_id, device_key, callback_url];
    let kinds = texts.iter().fold(0, |kinds, token| kinds | token.kind_bit());
    let integers = timeout.kind_bit() | gmt.kind_bit();
    let names_device = !asset_id.is_nothing() || (!product_key.is_nothing() && !device_key.is_nothing());
    if request_id.kind_bit() | target.kind_bit() != Token::PRINTABLE
        || kinds & !Token::PRINTABLE_OR_NOTHING != 0
        || integers & !Token::INTEGER_OR_NOTHING != 0
        || !fields.gmt_alias().is_nothing()
        || !names_device
        || callback_url.len() > MAX_CALLBACK_URL_BYTES
        || !(1..=MAX_REQUEST_ID_BYTES).contains(&request_id.len())
    {
        return false;
    }
    if !is_plain_id_or_nothing(text, asset_id, false)
        || !is_plain_id_or_nothing(text, device_key, true)
        // A measure point travels in the payload, so it may hold what a topic may not.
        || !is_plain_id(text, target, family == Family::Invoke)
    {
        return false;
    }
    if !(timeout.is_nothing() || is_timeout(timeout.bytes(text))) || !(gmt.is_nothing() || is_positive(gmt.bytes(text)))
    {
        return false;
    }
    match input.plain_members() {
        None => family == Family::Invoke && input.is_nothing(),
        Some(members) => {
            input.len() <= limits.payload_bytes.get() && (family == Family::Invoke || members == Members::One)
        }
    }
}

/// Whether an integer is above zero.
#[inline(always)]
fn is_positive(integer: &[u8]) -> bool {
    matches!(integer.first(), Some(b'1'..=b'9'))
}

/// Whether an integer is one of the milliseconds that a timeout may have.
#[inline(always)]
fn is_timeout(integer: &[u8]) -> bool {
    const { assert!(MIN_TIMEOUT_MS == 1 && 10_u32.pow(MAX_TIMEOUT_DIGITS as u32 - 1) <= MAX_TIMEOUT_MS) };
    // What has no sign has digits only, and of fewer of them than the longest has, any will do.
    is_positive(integer) && (integer.len() < MAX_TIMEOUT_DIGITS || is_long_timeout(integer))
}

fn is_long_timeout(digits: &[u8]) -> bool {
    digits.len() == MAX_TIMEOUT_DIGITS
        && digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit & 0x0F)) <= MAX_TIMEOUT_MS
}

#[inline(always)]
fn is_plain_id_or_nothing(text: &str, id: Token, in_topic: bool) -> bool {
    id.is_nothing() || is_plain_id(text, id, in_topic)
}

fn is_right_channel<'a>(id: &'a str, right: &mut &'a str, family: Family) -> bool {
    if id.is_empty() {
        return false;
    }
    if id != *right {
        if channel_fault(family, Text::verbatim(id, true)).is_some() {
            return false;
        }
        *right = id;
    }
    true
}

//! The fast path: recognizes items that are certainly accepted, from their tokens alone.
//!
//! Nearly every item is one: every member is absent or of the right type, and strings are printable ASCII without escapes.
//! An item that is not recognized here goes through [`super::item`], which also accepts items that this module does not. Most
//! of an item is only copied into a reply; the fast path saves making texts and commands of it.

use super::{
    Command,
    fields::Fields,
    name::{channel_fault, is_valid_id},
};
use crate::{
    Family, Limits,
    json::{Members, Text, Token, Value},
    limits::{DEFAULT_TIMEOUT_MS, MAX_CALLBACK_URL_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS},
};

/// The command of an [acceptable](is_acceptable) item.
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

/// Digits of the longest timeout.
const MAX_TIMEOUT_DIGITS: usize = 6;

/// Whether the item is certainly accepted; `false` says nothing.
#[inline(always)]
pub(super) fn is_acceptable<'a>(
    fields: &Fields<'a, '_>,
    previous: &mut Previous<'a>,
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> bool {
    // What is the same as in the previous item need not be looked at again.
    if !(previous.is_acceptable && fields.are_as_before()) {
        previous.is_acceptable = is_acceptable_address(fields, &mut previous.channel_id, family, org_id);
    }
    previous.is_acceptable && are_others_acceptable(fields, family, limits)
}

/// What is known of the previous item.
#[derive(Debug, Default)]
pub(super) struct Previous<'a> {
    /// The valid channel id that was found last: most items of a batch have the same.
    pub(super) channel_id: &'a str,
    /// Whether its org, channel and product key were acceptable.
    is_acceptable: bool,
}

/// Whether org, channel and product key are acceptable.
fn is_acceptable_address<'a>(fields: &Fields<'a, '_>, channel_id: &mut &'a str, family: Family, org_id: &str) -> bool {
    let (org, channel, product_key) = (fields.org_id(), fields.channel_id(), fields.product_key());
    (org.kind_bit() | product_key.kind_bit()) & !Token::PRINTABLE_OR_NOTHING == 0
        && (org.is_nothing() || org.bytes(fields.text) == org_id.as_bytes())
        && is_valid_id_or_nothing(fields.text, product_key, true)
        && is_valid_channel(channel.printable(fields.text).unwrap_or_default(), channel_id, family)
}

/// Whether all other members are acceptable.
#[inline(always)]
fn are_others_acceptable(fields: &Fields<'_, '_>, family: Family, limits: &Limits) -> bool {
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
    if !is_valid_id_or_nothing(text, asset_id, false)
        || !is_valid_id_or_nothing(text, device_key, true)
        // A measure point is not part of a topic, so it may hold what a topic may not.
        || !is_valid_id(text, target, family == Family::Invoke)
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
    // Without a sign there are only digits, and any number with fewer digits than the largest is in range.
    is_positive(integer) && (integer.len() < MAX_TIMEOUT_DIGITS || is_long_timeout(integer))
}

fn is_long_timeout(digits: &[u8]) -> bool {
    digits.len() == MAX_TIMEOUT_DIGITS
        && digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit & 0x0F)) <= MAX_TIMEOUT_MS
}

#[inline(always)]
fn is_valid_id_or_nothing(text: &str, id: Token, in_topic: bool) -> bool {
    id.is_nothing() || is_valid_id(text, id, in_topic)
}

fn is_valid_channel<'a>(id: &'a str, right: &mut &'a str, family: Family) -> bool {
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

//! Items that are accepted at a glance: every member is there or not, of the right type, and written plainly.
//!
//! Nearly every item is one. What is decided here is what [`super::item`] would decide, and whatever is not plain is left
//! to it; the point is not to make texts and commands of what is only copied into a reply.

use super::{fields::Fields, name::channel_fault};
use crate::{
    Family, Limits,
    json::{Members, Text, Token, has_topic_syntax},
    limits::{MAX_CALLBACK_URL_BYTES, MAX_ID_BYTES, MAX_REQUEST_ID_BYTES, MAX_TIMEOUT_MS, MIN_TIMEOUT_MS},
};

/// As many digits as the longest timeout has.
const MAX_TIMEOUT_DIGITS: usize = 6;

/// Whether the item is accepted, for all that can be seen at a glance; `false` says nothing.
///
/// `channel_id` is one that was found right before: most items of a batch have the same.
#[inline]
pub(super) fn is_plain<'a>(
    fields: &Fields<'a, '_>,
    channel_id: &mut &'a str,
    family: Family,
    org_id: &str,
    limits: &Limits,
) -> bool {
    let text = fields.text;
    let (asset_id, product_key, device_key) = (fields.asset_id(), fields.product_key(), fields.device_key());
    let (request_id, target, callback_url) = (fields.request_id(), fields.target(), fields.callback_url());
    let (org, timeout, gmt, input) = (fields.org_id(), fields.timeout(), fields.gmt_request(), fields.input());

    let texts = [org, fields.call_type(), asset_id, product_key, device_key, callback_url];
    let kinds = texts.iter().fold(0, |kinds, token| kinds | token.kind_bit());
    let integers = timeout.kind_bit() | gmt.kind_bit();
    let names_device = !asset_id.is_nothing() || (!product_key.is_nothing() && !device_key.is_nothing());
    if request_id.kind_bit() | target.kind_bit() | fields.channel_id().kind_bit() != Token::PRINTABLE
        || kinds & !Token::PRINTABLE_OR_NOTHING != 0
        || integers & !Token::INTEGER_OR_NOTHING != 0
        || !fields.gmt_alias().is_nothing()
        || !names_device
        || callback_url.len() > MAX_CALLBACK_URL_BYTES
        || !(1..=MAX_REQUEST_ID_BYTES).contains(&request_id.len())
    {
        return false;
    }
    let is_name = |token: Token, in_topic| token.is_nothing() || is_plain_name(text, token, in_topic);
    if !is_name(asset_id, false)
        || !is_name(product_key, true)
        || !is_name(device_key, true)
        // A measure point travels in the payload, so it may hold what a topic may not.
        || !is_plain_name(text, target, family == Family::Invoke)
    {
        return false;
    }
    if !(org.is_nothing() || org.bytes(text) == org_id.as_bytes()) {
        return false;
    }
    if !(timeout.is_nothing() || is_timeout(timeout.bytes(text))) || !(gmt.is_nothing() || is_positive(gmt.bytes(text)))
    {
        return false;
    }
    let is_right_input = match input.plain_members() {
        None => family == Family::Invoke && input.is_nothing(),
        Some(members) => input.len() <= limits.payload_bytes && (family == Family::Invoke || members == Members::One),
    };
    is_right_input && is_right_channel(fields.channel_id().printable(text).unwrap_or_default(), channel_id, family)
}

/// Whether an integer is above zero.
#[inline(always)]
fn is_positive(integer: &[u8]) -> bool {
    matches!(integer.first(), Some(b'1'..=b'9'))
}

/// Whether an integer is one of the milliseconds that a timeout may have.
#[inline(always)]
fn is_timeout(integer: &[u8]) -> bool {
    const { assert!(MIN_TIMEOUT_MS == 1) };
    // What has no sign has digits only.
    is_positive(integer)
        && integer.len() <= MAX_TIMEOUT_DIGITS
        && integer.iter().fold(0, |value, digit| value * 10 + u32::from(digit & 0x0F)) <= MAX_TIMEOUT_MS
}

#[inline(always)]
fn is_plain_name(text: &str, name: Token, in_topic: bool) -> bool {
    let bytes = name.bytes(text);
    (1..=MAX_ID_BYTES).contains(&bytes.len())
        && !(in_topic && (bytes.first() == Some(&b'$') || has_topic_syntax(bytes)))
}

#[inline(always)]
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

//! Writes the reply to an item on the fast path, mostly by copying from the body.

use super::replies::Names;
use crate::{
    Device, Family,
    json::{Text, Token, write},
    limits::DEFAULT_TIMEOUT_MS,
    request::Fields,
};

/// Writes what [`super::write_accepted`] writes. `now` is the time of receipt, in digits. Without a directory (`ASKED` is
/// false) there are no `names`: that is known when this is compiled.
///
/// Copied strings are printable ASCII, payloads are valid JSON, and integers are positive: a reply would write them the same.
#[inline]
pub(super) fn write<const ASKED: bool>(
    out: &mut Vec<u8>,
    fields: &Fields<'_, '_>,
    names: Option<Names<'_>>,
    family: Family,
    org_id: &str,
    now: &str,
) {
    let names = names.filter(|_| ASKED);
    let text = fields.text;
    let is_invoke = family == Family::Invoke;
    let target = fields.target();

    piece(out, r#"{"requestId":"#);
    string(out, text, fields.request_id());
    if is_invoke {
        piece(out, r#","messageId":null,"requestMethod":"thing.service."#);
        content(out, text, target);
        piece(out, r#"","callType":"ASYNC","controlChannelId":"#);
    } else {
        piece(out, r#","orgId":"#);
        Text::plain(org_id).write(out);
        piece(out, r#","callType":"ASYNC","setMeasurepointChannelId":"#);
    }
    let device = names.map(|names| names.device);
    if has_names_as_replied(fields) && device.is_none_or(|device| has_names_as_sent(device, fields)) {
        let (first, last) = (fields.channel_id().range(), fields.asset_id().range());
        write::copied::<NAMES>(out, text.as_bytes(), first.start.wrapping_sub(1), last.end + 1);
    } else {
        string(out, text, fields.channel_id());
        piece(out, r#","productKey":"#);
        name(out, text, fields.product_key(), device.map(|device| &*device.product_key));
        piece(out, r#","deviceKey":"#);
        name(out, text, fields.device_key(), device.map(|device| &*device.device_key));
        piece(out, r#","assetId":"#);
        name(out, text, fields.asset_id(), device.map(|device| &*device.asset_id));
    }
    if is_invoke {
        match names.and_then(|names| names.service_name) {
            None => piece(out, r#","serviceName":null,"serviceId":"#),
            Some(service_name) => {
                piece(out, r#","serviceName":"#);
                Text::plain(service_name).write(out);
                piece(out, r#","serviceId":"#);
            }
        }
    } else {
        piece(out, r#","measurepointId":"#);
    }
    string(out, text, target);
    if fields.callback_url().is_nothing() {
        piece(out, r#","callbackUrl":null,"inputData":"#);
    } else {
        piece(out, r#","callbackUrl":"#);
        string(out, text, fields.callback_url());
        piece(out, r#","inputData":"#);
    }
    or::<INPUT>(out, text, fields.input(), "null");
    if is_invoke {
        piece(out, r#","outputData":{},"status":0,"msg":"SUCCESS","submsg":null,"timeout":"#);
    } else {
        piece(out, r#","status":0,"msg":"SUCCESS","submsg":null,"timeout":"#);
    }
    if has_times_as_replied(fields) {
        let (first, last) = (fields.timeout().range(), fields.gmt_request().range());
        write::copied::<SHORT>(out, text.as_bytes(), first.start, last.end);
    } else {
        if fields.timeout().is_nothing() {
            write::integer(out, DEFAULT_TIMEOUT_MS);
        } else {
            content(out, text, fields.timeout());
        }
        piece(out, r#","gmtServiceRequest":"#);
        or::<SHORT>(out, text, fields.gmt_request(), now);
    }
    piece(out, r#","gmtServiceReply":"#);
    piece(out, now);
    if is_invoke {
        piece(out, r#","gmtDeviceReply":-1}"#);
    } else {
        piece(out, "}");
    }
}

/// Sizes of blocks that are copied without a call to `memcpy`: for a field, for a channel and the names of a device in one
/// piece, and for a payload.
const SHORT: usize = 48;
const NAMES: usize = 112;
const INPUT: usize = 64;

/// Whether channel and device names follow each other in the body as in the reply, so that one copy does for all four.
/// Between two such strings at least a quote, a comma, the name and a colon are needed: at this distance there is nothing else.
#[inline(always)]
fn has_names_as_replied(fields: &Fields<'_, '_>) -> bool {
    let tokens = [fields.channel_id(), fields.product_key(), fields.device_key(), fields.asset_id()];
    let [channel, product, device, asset] = tokens.map(Token::range);
    tokens.iter().fold(0, |kinds, token| kinds | token.kind_bit()) == Token::PRINTABLE
        && product.start == channel.end + r#"","productKey":""#.len()
        && device.start == product.end + r#"","deviceKey":""#.len()
        && asset.start == device.end + r#"","assetId":""#.len()
}

/// Whether the directory's names are those that were sent, or unknown.
#[inline(always)]
fn has_names_as_sent(device: &Device, fields: &Fields<'_, '_>) -> bool {
    let is_as_sent = |known: &str, sent: Token| known.is_empty() || known.as_bytes() == sent.bytes(fields.text);
    is_as_sent(&device.asset_id, fields.asset_id())
        && is_as_sent(&device.device_key, fields.device_key())
        && is_as_sent(&device.product_key, fields.product_key())
}

/// Whether timeout and time of request follow each other in the body as in the reply.
#[inline(always)]
fn has_times_as_replied(fields: &Fields<'_, '_>) -> bool {
    let (timeout, gmt) = (fields.timeout(), fields.gmt_request());
    !timeout.is_nothing()
        && !gmt.is_nothing()
        && gmt.range().start == timeout.range().end + r#","gmtServiceRequest":"#.len()
}

#[inline(always)]
fn piece(out: &mut Vec<u8>, piece: &str) {
    out.extend_from_slice(piece.as_bytes());
}

/// Copies a value; of a string, what is between its quotes.
#[inline(always)]
fn content(out: &mut Vec<u8>, text: &str, token: Token) {
    let place = token.range();
    write::copied::<SHORT>(out, text.as_bytes(), place.start, place.end);
}

/// Copies a string with its quotes.
#[inline(always)]
fn string(out: &mut Vec<u8>, text: &str, token: Token) {
    let place = token.range();
    write::copied::<SHORT>(out, text.as_bytes(), place.start.wrapping_sub(1), place.end + 1);
}

/// A name of the device, as the directory has it or else as it was sent.
#[inline(always)]
fn name(out: &mut Vec<u8>, text: &str, sent: Token, known: Option<&str>) {
    match known {
        Some(known) if !known.is_empty() => Text::plain(known).write(out),
        _ if sent.is_nothing() => piece(out, "null"),
        _ => string(out, text, sent),
    }
}

#[inline(always)]
fn or<const BLOCK: usize>(out: &mut Vec<u8>, text: &str, token: Token, nothing: &str) {
    if token.is_nothing() {
        piece(out, nothing);
    } else {
        let place = token.range();
        write::copied::<BLOCK>(out, text.as_bytes(), place.start, place.end);
    }
}

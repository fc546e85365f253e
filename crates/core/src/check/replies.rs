//! Replies of a response: an item is accepted, or refused.

use crate::{
    Code, Device, Family, Now,
    fault::describe,
    json::Text,
    reply::{self, Reply},
    request::{Command, RefusedItem},
};

/// The names of an accepted item that a directory gave.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Names<'n> {
    pub(crate) device: &'n Device,
    /// The display name of the service; only in the invoke family.
    pub(crate) service_name: Option<&'n str>,
}

/// What the reply to an accepted item says besides the command.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Acceptance<'n> {
    /// `None` if no directory was asked.
    pub(crate) names: Option<Names<'n>>,
    /// What was sent, or the time of receipt.
    pub(crate) gmt_service_request: i64,
    /// When the item was accepted, epoch milliseconds.
    pub(crate) epoch_ms: i64,
}

/// Writes the reply that accepts a command: `0, "SUCCESS", null`, all names of the device, and the effective timeout.
///
/// A name that the directory does not know (an empty one) is repeated as it was sent, or null. `org_id` is that of the
/// query.
#[inline]
pub(crate) fn write_accepted(
    out: &mut Vec<u8>,
    command: &Command<'_>,
    acceptance: Acceptance<'_>,
    family: Family,
    org_id: &str,
) {
    let device = acceptance.names.map(|names| names.device);
    let service_name = acceptance.names.and_then(|names| names.service_name);
    let resolved = |name: fn(&Device) -> &str| device.and_then(|device| known(name(device)));
    let reply = Reply {
        request_id: Some(command.request_id),
        org_id: effective_org(family, org_id),
        channel_id: Some(command.channel_id),
        product_key: resolved(|device| &device.product_key).or(command.product_key),
        device_key: resolved(|device| &device.device_key).or(command.device_key),
        asset_id: resolved(|device| &device.asset_id).or(command.asset_id),
        service_name: service_name.filter(|_| family == Family::Invoke).map(Text::plain),
        target: Some(command.target),
        callback_url: command.callback_url,
        input: command.input,
        msg: Some(Code::SUCCESS.text()),
        timeout: Some(i64::from(command.timeout_ms)),
        gmt_service_request: Some(acceptance.gmt_service_request),
        gmt_service_reply: Some(acceptance.epoch_ms),
        ..Reply::empty(family)
    };
    reply::write_reply(out, &reply);
}

/// Writes the reply that refuses an item: the first fault's code and message, what could be read of the item, and all
/// faults as `submsg`. `org_id` is that of the query.
#[cold]
pub(crate) fn write_refused(out: &mut Vec<u8>, item: &RefusedItem<'_>, family: Family, org_id: &str, now: Now) {
    let submsg = describe(&item.faults);
    reply::write_reply(out, &refused(item, family, org_id, &submsg, now));
}

fn refused<'a>(item: &'a RefusedItem<'_>, family: Family, org_id: &'a str, submsg: &'a str, now: Now) -> Reply<'a> {
    let (echo, code) = (&item.echo, item.code());
    let mut reply = Reply::empty(family);
    reply.code = code;
    reply.msg = Some(code.text());
    reply.submsg = Some(Text::plain(submsg));
    reply.gmt_service_reply = Some(now.epoch_ms);
    if !echo.is_object {
        return reply;
    }
    let resolved = |name: fn(&Device) -> &str| item.device.as_deref().and_then(|device| known(name(device)));
    reply.request_id = echo.request_id;
    reply.org_id = effective_org(family, org_id);
    reply.channel_id = echo.channel_id;
    reply.product_key = resolved(|device| &device.product_key).or(echo.product_key);
    reply.device_key = resolved(|device| &device.device_key).or(echo.device_key);
    reply.asset_id = resolved(|device| &device.asset_id).or(echo.asset_id);
    reply.target = echo.target;
    reply.callback_url = echo.callback_url;
    reply.input = echo.input;
    reply.timeout = echo.timeout;
    // The time of receipt replaces one that was not sent, but not one that was sent and is unusable.
    let is_wrong = item.faults.iter().any(|fault| fault.field.starts_with("gmt"));
    reply.gmt_service_request = echo.gmt_service_request.or_else(|| (!is_wrong).then_some(now.epoch_ms));
    reply
}

/// The org that counts for every item of the batch; only replies of the write family carry it.
fn effective_org(family: Family, org_id: &str) -> Option<Text<'_>> {
    (family == Family::Write).then(|| Text::plain(org_id))
}

/// A device's name, unless the directory does not know it.
fn known(name: &str) -> Option<Text<'_>> {
    (!name.is_empty()).then(|| Text::plain(name))
}

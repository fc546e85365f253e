//! The response to a body, put together item by item from what [`read_batch`] says: every item goes the long way there,
//! and its reply is written field by field. `check_form` copies most replies together from the body, and must come out
//! the same. Shared with the fuzz target `batch`.

use setpoint::{
    Family, Limits, Now,
    json::Text,
    reply::{self, Reply},
    request::{Command, Entry, RefusedItem, read_batch},
};

/// The response where everything that a command names exists; names are repeated as they were sent.
pub(crate) fn response(body: &[u8], family: Family, org_id: &str, limits: &Limits, now: Now) -> Vec<u8> {
    let entries = match read_batch(body, family, org_id, limits) {
        Ok(entries) => entries,
        Err(error) => return error.response(),
    };
    let mut out = Vec::new();
    reply::open_response(&mut out);
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        match entry {
            Entry::Accepted(command) => reply::write_reply(&mut out, &accepted(command, family, org_id, now)),
            Entry::Refused(item) => {
                let submsg = described(item);
                reply::write_reply(&mut out, &refused(item, family, org_id, &submsg, now));
            }
        }
    }
    reply::close(&mut out);
    out
}

fn accepted<'a>(command: &Command<'a>, family: Family, org_id: &'a str, now: Now) -> Reply<'a> {
    let mut reply = Reply::empty(family);
    reply.request_id = Some(command.request_id);
    reply.org_id = (family == Family::Write).then(|| Text::plain(org_id));
    reply.channel_id = Some(command.channel_id);
    reply.product_key = command.product_key;
    reply.device_key = command.device_key;
    reply.asset_id = command.asset_id;
    reply.target = Some(command.target);
    reply.callback_url = command.callback_url;
    reply.input = command.input;
    reply.msg = Some(Text::plain("SUCCESS"));
    reply.timeout = Some(i64::from(command.timeout_ms));
    reply.gmt_service_request = Some(command.gmt_service_request.unwrap_or(now.epoch_ms));
    reply.gmt_service_reply = Some(now.epoch_ms);
    reply
}

fn refused<'a>(item: &RefusedItem<'a>, family: Family, org_id: &'a str, submsg: &'a str, now: Now) -> Reply<'a> {
    let (mut reply, echo) = (Reply::empty(family), &item.echo);
    reply.code = item.code();
    reply.msg = Some(Text::plain(reply.code.msg()));
    reply.submsg = Some(Text::plain(submsg));
    reply.gmt_service_reply = Some(now.epoch_ms);
    if echo.is_object {
        reply.request_id = echo.request_id;
        reply.org_id = (family == Family::Write).then(|| Text::plain(org_id));
        reply.channel_id = echo.channel_id;
        reply.product_key = echo.product_key;
        reply.device_key = echo.device_key;
        reply.asset_id = echo.asset_id;
        reply.target = echo.target;
        reply.callback_url = echo.callback_url;
        reply.input = echo.input;
        reply.timeout = echo.timeout;
        let is_unusable = item.faults.iter().any(|fault| fault.field.starts_with("gmt"));
        reply.gmt_service_request = echo.gmt_service_request.or_else(|| (!is_unusable).then_some(now.epoch_ms));
    }
    reply
}

/// Every fault, as `submsg` says it.
fn described(item: &RefusedItem<'_>) -> String {
    let described = |fault: &setpoint::Fault| match fault.field {
        "" => fault.reason.to_string(),
        field => format!("{field}: {}", fault.reason),
    };
    item.faults.iter().map(described).collect::<Vec<_>>().join("; ")
}

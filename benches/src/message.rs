//! Channel messages.

use setpoint::{
    Code, Family,
    json::{Payload, Text},
    reply::{self, Reply},
    submsg,
};

use crate::{EPOCH_MS, park};

/// A channel message with the outcome of each of these request ids: nine in ten succeeded, the others timed out.
pub fn message(family: Family, request_ids: &[String]) -> Vec<u8> {
    let mut out = Vec::new();
    reply::open_message(&mut out);
    for (index, id) in request_ids.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let (channel, target, input) = match family {
            Family::Invoke => ("DATASVC.CONTROL.ops-north", "setActivePower", r#"{"limit":1250.5,"ramp":30}"#),
            Family::Write => ("DATASVC.SET.ops-north", "WTG.ActivePowerSetpoint", r#"{"arg":1250.5}"#),
        };
        let turbine = index as u32 % park::TURBINES;
        let (device, asset) = (park::device_key(turbine), park::asset_id(turbine));
        let code = if index % 10 == 7 { Code::TIMEOUT } else { Code::SUCCESS };
        let mut reply = Reply::empty(family);
        reply.request_id = Some(Text::plain(id));
        reply.org_id = (family == Family::Write).then(|| Text::plain(crate::ORG));
        reply.channel_id = Some(Text::plain(channel));
        reply.product_key = Some(Text::plain(park::PRODUCT_KEY));
        reply.device_key = Some(Text::plain(&device));
        reply.asset_id = Some(Text::plain(&asset));
        reply.target = Some(Text::plain(target));
        reply.input = Payload::parse(input).ok();
        if family == Family::Invoke && code == Code::SUCCESS {
            reply.output = Payload::parse(r#"{"actualPower":1248.5,"state":"RUNNING"}"#).unwrap_or(Payload::EMPTY);
            reply.gmt_device_reply = Some(EPOCH_MS + 8);
        }
        reply.code = code;
        reply.msg = Some(Text::plain(code.msg()));
        reply.submsg = Some(Text::plain(if code == Code::SUCCESS { "SUCCESS" } else { submsg::TIMED_OUT }));
        reply.timeout = Some(30_000);
        reply.gmt_service_request = Some(EPOCH_MS);
        reply.gmt_service_reply = Some(EPOCH_MS + 9);
        reply::write_reply(&mut out, &reply);
    }
    reply::close(&mut out);
    out
}

#[cfg(test)]
mod tests {
    use setpoint::{Limits, reply::read_message};

    use super::*;

    #[test]
    fn messages_are_read_back() {
        let mut rng = fastrand::Rng::with_seed(crate::SEED);
        let ids: Vec<String> = (0..30).map(|_| crate::request_id(&mut rng)).collect();
        for family in [Family::Invoke, Family::Write] {
            let message = message(family, &ids);
            let replies = read_message(&message, &Limits::DEFAULT).unwrap();
            let read = replies.iter().map(|reply| reply.as_ref().unwrap().request_id.unwrap().decode());
            assert!(read.eq(ids.iter().map(String::as_str)));
        }
    }
}

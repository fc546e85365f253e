//! `vectors/validation`: from a body to every fault and the whole response.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use setpoint::{
    AnyDirectory, Directory, Family, Limits, Now, Responder, TableDirectory,
    check::{Report, check, check_form},
    json as strict,
    reply::{Response, read_response},
    responder::{CheckedBatch, Effect, ResponderConfig},
};

use super::corpus;

/// What a case uses that does not say otherwise.
const ORG: &str = "o1";
const NOW: i64 = 1_700_000_000_000;

pub(crate) fn run(case: &Value) -> Result<(), String> {
    let (family, limits) = (corpus::family(case), corpus::limits(case));
    let org_id = case.get("orgId").map_or(ORG, |org| org.as_str().unwrap());
    let now = Now::new(0, case.get("now").map_or(NOW, |now| now.as_i64().unwrap()));
    let body = corpus::bytes(case);
    let directory: Box<dyn Directory> = match case.get("directory") {
        None => Box::new(AnyDirectory),
        Some(data) => Box::new(serde_json::from_value::<TableDirectory>(data.clone()).unwrap()),
    };
    let report = check(&body, family, org_id, &*directory, &limits, now);
    let batch = CheckedBatch::read(body.clone(), family, org_id, &*directory, &limits, now);
    if served(batch, now) != (report.error.as_ref().map_or(200, |error| error.status), report.response.clone()) {
        return Err("a service answers otherwise".to_owned());
    }
    if case.get("directory").is_none() {
        let form = check_form(&body, family, org_id, &limits, now);
        let tree = |response: &[u8]| serde_json::from_slice::<Value>(response).ok();
        // Without a directory names keep their escapes.
        if (&form.error, &form.items) != (&report.error, &report.items)
            || tree(&form.response) != tree(&report.response)
        {
            return Err("check_form says otherwise".to_owned());
        }
    }
    let found = serde_json::to_value(&report).unwrap();
    let mut expected = case["expect"].clone();
    if let Some(response) = expected.get("response") {
        expected["response"] = corpus::string(response).into();
    }
    if expected.get("items").is_some() {
        expected["error"] = Value::Null;
    }
    corpus::compare(&expected, &found)?;
    consistent(&report, family)
}

/// What a service without history answers: status and body.
fn served(batch: CheckedBatch, now: Now) -> (u16, Vec<u8>) {
    let mut config = ResponderConfig::default();
    config.pending_per_device = NonZeroUsize::MAX;
    let mut responder = Responder::new(config, [7; 32]);
    responder.handle_batch(batch, now);
    loop {
        match responder.poll_effect(now).expect("an answer") {
            Effect::Persist { write, .. } => responder.handle_persisted(write, now),
            Effect::Answer { status, body, .. } => return (status, body),
            other => panic!("{other:?}"),
        }
    }
}

/// What holds of every report: the response is strict JSON and says what the report says.
fn consistent(report: &Report<'_>, family: Family) -> Result<(), String> {
    strict::check(&report.response, 128).map_err(|error| format!("the response: {error}"))?;
    // A response may be larger than the request that caused it, so the reader gets the largest bounds.
    let mut limits = Limits::default();
    (limits.body_bytes, limits.items) = (std::num::NonZeroUsize::MAX, std::num::NonZeroUsize::MAX);
    let response = read_response(&report.response, family, &limits).map_err(|error| error.to_string())?;
    match (&report.error, response) {
        (Some(error), Response::Error(read)) => {
            let (sent, read) = (json!(error), json!(read));
            for member in ["status", "msg", "submsg"] {
                corpus::compare(&sent[member], &read[member])?;
            }
        }
        (None, Response::Replies(replies)) if replies.len() == report.items.len() => {
            for (item, reply) in report.items.iter().zip(replies) {
                let reply = reply.map_err(|bad| bad.to_string())?;
                let described: Vec<String> = item
                    .faults
                    .iter()
                    .map(|fault| match fault.field {
                        "" => fault.reason.to_string(),
                        field => format!("{field}: {}", fault.reason),
                    })
                    .collect();
                let submsg = reply.submsg.map(|text| text.decode().into_owned()).unwrap_or_default();
                if reply.code != item.code || submsg != described.join("; ") {
                    return Err(format!("item {}: the reply says {} {submsg:?}", item.index, reply.code));
                }
            }
        }
        _ => return Err("the response and the report differ".to_owned()),
    }
    Ok(())
}

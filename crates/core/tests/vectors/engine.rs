//! Scripts of one requester: what is said to it at which moment, and which events follow.

use std::num::NonZeroUsize;

use serde_json::{Value, json};
use setpoint::{
    Now, Requester,
    requester::{RequestBatchId, RequesterConfig},
};

use crate::corpus;

pub(crate) fn run(case: &Value) -> Result<(), String> {
    let mut config = RequesterConfig::default();
    if let Some(given) = case.get("config") {
        let number = |key: &str| given.get(key).and_then(Value::as_u64);
        let open_items = number("openItems").map(|bound| NonZeroUsize::new(bound as usize).expect("at least 1"));
        config.open_items = open_items.unwrap_or(config.open_items);
        config.remembered = number("remembered").map_or(config.remembered, |bound| bound as usize);
        config.grace_ms = number("graceMs").unwrap_or(config.grace_ms);
    }
    let mut requester = Requester::new("o1", config, [0; 32]);
    let mut at = 0;
    for (index, step) in case["steps"].as_array().expect("a case has steps").iter().enumerate() {
        at = step.get("at").and_then(Value::as_u64).unwrap_or(at);
        let result = perform(&mut requester, step, Now::new(at, 1_700_000_000_000 + at.cast_signed()));
        let mut found = match result {
            Ok(result) => result,
            Err(error) => json!({ "error": error }),
        };
        let events: Vec<Value> =
            std::iter::from_fn(|| requester.poll_event()).map(|event| serde_json::to_value(event).unwrap()).collect();
        found["events"] = Value::Array(events);
        found["openItems"] = json!(requester.open_items());
        let mut expected = step["expect"].clone();
        if expected.get("events").is_none() {
            expected["events"] = json!([]);
        }
        if expected.get("error").is_none() && found.get("error").is_some() {
            return Err(format!("step {index}: {}", found["error"]));
        }
        corpus::compare(&expected, &found).map_err(|why| format!("step {index}{why}"))?;
    }
    Ok(())
}

fn perform(requester: &mut Requester, step: &Value, now: Now) -> Result<Value, String> {
    let batch = |value: &Value| RequestBatchId(value["batch"].as_u64().unwrap_or(1));
    let text = |error: &dyn std::fmt::Display| error.to_string();
    if let Some(submit) = step.get("submit") {
        let family = corpus::family(submit);
        let body = match submit.get("items") {
            Some(items) => {
                let defaults = match family {
                    setpoint::Family::Invoke => {
                        json!({ "controlChannelId": "DATASVC.CONTROL.c", "assetId": "a1", "serviceId": "s" })
                    }
                    setpoint::Family::Write => json!({
                        "setMeasurepointChannelId": "DATASVC.SET.c", "assetId": "a1", "measurepointId": "m",
                        "inputData": { "arg": 1 },
                    }),
                };
                json!({ "data": completed(items, &defaults) }).to_string().into_bytes()
            }
            None => corpus::bytes(submit),
        };
        let submission = requester.submit_body(family, body.clone(), now).map_err(|error| text(&error))?;
        assert_eq!(submission.body, body, "a body is sent as it was given");
        return Ok(json!({ "batch": submission.batch, "items": submission.items }));
    }
    if let Some(response) = step.get("response") {
        let verdict =
            requester.handle_response(batch(response), &message(response, true), now).map_err(|error| text(&error))?;
        return Ok(json!({ "verdict": format!("{verdict:?}").to_lowercase() }));
    }
    if let Some(given) = step.get("message") {
        let replies = requester.handle_message(&message(given, false)).map_err(|error| text(&error))?;
        return Ok(json!({ "replies": replies }));
    }
    if let Some(resend) = step.get("resend") {
        requester.resend(batch(resend), now);
    } else if let Some(cancel) = step.get("cancel") {
        requester.cancel(batch(cancel));
    } else if let Some(not_sent) = step.get("notSent") {
        let verdict = requester.handle_not_sent(batch(not_sent), not_sent["reason"].as_str().unwrap());
        return Ok(json!({ "verdict": format!("{verdict:?}").to_lowercase() }));
    } else {
        assert!(step.get("tick").is_some(), "what is step {step}?");
        requester.handle_timeout(now);
    }
    Ok(json!({}))
}

/// A response or a channel message: replies that are completed with the fields that place them, or bytes as they are.
fn message(given: &Value, is_response: bool) -> Vec<u8> {
    let Some(replies) = given.get("replies") else { return corpus::bytes(given) };
    let defaults = match corpus::family(given) {
        setpoint::Family::Invoke => json!({
            "controlChannelId": "DATASVC.CONTROL.c", "serviceId": "s", "outputData": {}, "status": 0,
            "msg": "SUCCESS", "submsg": if is_response { Value::Null } else { json!("SUCCESS") },
        }),
        setpoint::Family::Write => json!({
            "setMeasurepointChannelId": "DATASVC.SET.c", "measurepointId": "m", "status": 0,
            "msg": "SUCCESS", "submsg": if is_response { Value::Null } else { json!("SUCCESS") },
        }),
    };
    let data = completed(replies, &defaults);
    let body = match is_response {
        true => json!({ "status": 0, "msg": "Success", "submsg": null, "data": data }),
        false => json!({ "data": data }),
    };
    body.to_string().into_bytes()
}

/// Objects with the defaults that they do not set themselves; anything else as it is.
fn completed(items: &Value, defaults: &Value) -> Value {
    let complete = |item: &Value| match item {
        Value::Object(members) => {
            let mut item = defaults.clone();
            item.as_object_mut().unwrap().extend(members.clone());
            item
        }
        other => other.clone(),
    };
    Value::Array(items.as_array().unwrap().iter().map(complete).collect())
}

//! `vectors/json`: which texts are strict JSON.

use serde_json::{Value, json};
use setpoint::{AnyDirectory, Family, Limits, Now, check::check, json as strict};

use super::corpus;

pub(crate) fn run(case: &Value) -> Result<(), String> {
    let text = corpus::bytes(case);
    let depth = case.get("depth").map_or(Limits::DEFAULT.depth.get(), |depth| depth.as_u64().unwrap() as usize);
    let found = match strict::check(&text, depth) {
        Ok(()) => json!({"accepted": true}),
        Err(error) => json!({"accepted": false, "offset": error.offset, "reason": error.reason}),
    };
    corpus::compare(&case["expect"], &found)?;
    // What holds of a text alone holds of it inside a batch, in a field that nobody reads.
    let mut limits = Limits::default();
    limits.depth = std::num::NonZeroUsize::MIN.saturating_add(depth);
    let item = br#"{"requestId":"r","controlChannelId":"DATASVC.CONTROL.c","assetId":"a","serviceId":"s"}"#;
    let body = [br#"{"unread":"#, &text[..], br#","data":["#, item, b"]}"].concat();
    let report = check(&body, Family::Invoke, "o1", &AnyDirectory, &limits, Now::default());
    let is_accepted = report.error.is_none();
    if found["accepted"] != is_accepted {
        return Err(format!("inside a batch it is {:?}", report.error));
    }
    Ok(())
}

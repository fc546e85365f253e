//! serde_json as most people write it: owned strings, payloads as values.

use serde::Deserialize;
use serde_json::Value;

use super::{
    reply::{Reply, Response},
    rules::{Item, Timeout, verdicts},
};

#[derive(Debug, Deserialize)]
struct Batch {
    data: Vec<Command>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command {
    request_id: Option<String>,
    org_id: Option<String>,
    control_channel_id: Option<String>,
    product_key: Option<String>,
    device_key: Option<String>,
    asset_id: Option<String>,
    service_id: Option<String>,
    callback_url: Option<String>,
    // As values, so that a wrong type here does not fail the whole batch.
    input_data: Option<Value>,
    timeout: Option<Value>,
    gmt_service_request: Option<i64>,
}

impl Command {
    fn item(&self) -> Item<'_> {
        Item {
            request_id: self.request_id.as_deref(),
            org_id: self.org_id.as_deref(),
            channel_id: self.control_channel_id.as_deref(),
            product_key: self.product_key.as_deref(),
            device_key: self.device_key.as_deref(),
            asset_id: self.asset_id.as_deref(),
            service_id: self.service_id.as_deref(),
            callback_url: self.callback_url.as_deref(),
            input_is_usable: self.input_data.as_ref().is_none_or(Value::is_object),
            timeout: match &self.timeout {
                None => Timeout::Absent,
                Some(timeout) => timeout.as_i64().map_or(Timeout::Other, Timeout::Integer),
            },
            gmt_service_request: self.gmt_service_request,
        }
    }
}

/// A body in, the response out.
///
/// # Panics
/// The body is not a batch.
pub fn respond(body: &[u8]) -> Vec<u8> {
    let batch: Batch = serde_json::from_slice(body).expect("a batch");
    let verdicts = verdicts(batch.data.iter().map(Command::item));
    let replies = batch
        .data
        .iter()
        .zip(verdicts)
        .map(|(command, fault)| Reply::new(&command.item(), command.input_data.as_ref(), fault))
        .collect();
    serde_json::to_vec(&Response::new(replies)).expect("a response")
}

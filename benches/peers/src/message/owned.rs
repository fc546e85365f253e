//! serde_json as most people write it: owned strings, payloads as values.

use serde::Deserialize;
use serde_json::Value;

/// A channel message.
#[derive(Debug, Deserialize)]
pub struct Message {
    /// Its replies.
    pub data: Vec<Reply>,
}

/// A reply with all its fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "who decodes a message decodes all of it")]
pub struct Reply {
    /// The correlation key.
    pub request_id: Option<String>,
    message_id: Option<String>,
    request_method: Option<String>,
    call_type: Option<String>,
    control_channel_id: Option<String>,
    product_key: Option<String>,
    device_key: Option<String>,
    asset_id: Option<String>,
    service_name: Option<String>,
    service_id: Option<String>,
    callback_url: Option<String>,
    input_data: Option<Value>,
    output_data: Option<Value>,
    status: i64,
    msg: Option<String>,
    submsg: Option<String>,
    timeout: Option<i64>,
    gmt_service_request: Option<i64>,
    gmt_service_reply: Option<i64>,
    gmt_device_reply: Option<i64>,
}

/// Decodes a message.
///
/// # Panics
/// It is not a channel message.
pub fn decode(body: &[u8]) -> Message {
    serde_json::from_slice(body).expect("a channel message")
}

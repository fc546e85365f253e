//! sonic-rs at its best: strings borrowed where they have no escapes, payloads lazy.

use std::borrow::Cow;

use serde::Deserialize;
use sonic_rs::LazyValue;

/// A channel message.
#[derive(Debug, Deserialize)]
pub struct Message<'a> {
    /// Its replies.
    #[serde(borrow)]
    pub data: Vec<Reply<'a>>,
}

/// A field that is an `Option<Cow<str>>` never borrows; within a newtype it does.
#[derive(Debug, Deserialize)]
struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

/// A reply with all its fields.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
#[expect(dead_code, reason = "who decodes a message decodes all of it")]
pub struct Reply<'a> {
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_id: Option<Text<'a>>,
    #[serde(borrow)]
    request_method: Option<Text<'a>>,
    #[serde(borrow)]
    call_type: Option<Text<'a>>,
    #[serde(borrow)]
    control_channel_id: Option<Text<'a>>,
    #[serde(borrow)]
    product_key: Option<Text<'a>>,
    #[serde(borrow)]
    device_key: Option<Text<'a>>,
    #[serde(borrow)]
    asset_id: Option<Text<'a>>,
    #[serde(borrow)]
    service_name: Option<Text<'a>>,
    #[serde(borrow)]
    service_id: Option<Text<'a>>,
    #[serde(borrow)]
    callback_url: Option<Text<'a>>,
    #[serde(borrow)]
    input_data: Option<LazyValue<'a>>,
    #[serde(borrow)]
    output_data: Option<LazyValue<'a>>,
    status: i64,
    #[serde(borrow)]
    msg: Option<Text<'a>>,
    #[serde(borrow)]
    submsg: Option<Text<'a>>,
    timeout: Option<i64>,
    gmt_service_request: Option<i64>,
    gmt_service_reply: Option<i64>,
    gmt_device_reply: Option<i64>,
}

impl Reply<'_> {
    /// The correlation key.
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_ref().map(|id| &*id.0)
    }
}

/// Decodes a message.
///
/// # Panics
/// It is not a channel message.
pub fn decode(body: &[u8]) -> Message<'_> {
    sonic_rs::from_slice(body).expect("a channel message")
}

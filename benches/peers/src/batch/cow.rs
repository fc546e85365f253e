//! serde_json at its best: strings borrowed where they have no escapes, payloads raw.

use std::borrow::Cow;

use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    reply::{Reply, Response},
    rules::{Item, Timeout, verdicts},
};

#[derive(Debug, Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    data: Vec<Command<'a>>,
}

/// A field that is an `Option<Cow<str>>` never borrows; within a newtype it does.
#[derive(Debug, Deserialize)]
pub(super) struct Text<'a>(#[serde(borrow)] Cow<'a, str>);

impl Text<'_> {
    pub(super) fn of<'t>(text: &'t Option<Text<'_>>) -> Option<&'t str> {
        text.as_ref().map(|text| &*text.0)
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Command<'a> {
    #[serde(borrow)]
    request_id: Option<Text<'a>>,
    #[serde(borrow)]
    org_id: Option<Text<'a>>,
    #[serde(borrow)]
    control_channel_id: Option<Text<'a>>,
    #[serde(borrow)]
    product_key: Option<Text<'a>>,
    #[serde(borrow)]
    device_key: Option<Text<'a>>,
    #[serde(borrow)]
    asset_id: Option<Text<'a>>,
    #[serde(borrow)]
    service_id: Option<Text<'a>>,
    #[serde(borrow)]
    callback_url: Option<Text<'a>>,
    // Raw, so that a wrong type here does not fail the whole batch.
    #[serde(borrow)]
    input_data: Option<&'a RawValue>,
    #[serde(borrow)]
    timeout: Option<&'a RawValue>,
    gmt_service_request: Option<i64>,
}

impl Command<'_> {
    fn item(&self) -> Item<'_> {
        Item {
            request_id: Text::of(&self.request_id),
            org_id: Text::of(&self.org_id),
            channel_id: Text::of(&self.control_channel_id),
            product_key: Text::of(&self.product_key),
            device_key: Text::of(&self.device_key),
            asset_id: Text::of(&self.asset_id),
            service_id: Text::of(&self.service_id),
            callback_url: Text::of(&self.callback_url),
            input_is_usable: self.input_data.is_none_or(|input| input.get().starts_with('{')),
            timeout: match self.timeout {
                None => Timeout::Absent,
                Some(timeout) => timeout.get().parse().map_or(Timeout::Other, Timeout::Integer),
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
    let batch: Batch<'_> = serde_json::from_slice(body).expect("a batch");
    let verdicts = verdicts(batch.data.iter().map(Command::item));
    let replies = batch
        .data
        .iter()
        .zip(verdicts)
        .map(|(command, fault)| Reply::new(&command.item(), command.input_data, fault))
        .collect();
    serde_json::to_vec(&Response::new(replies)).expect("a response")
}

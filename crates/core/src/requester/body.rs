//! Batch bodies: written from owned items, or read for what the requester has to know of their items.

use std::borrow::Cow;

use serde::Serialize;

use crate::{
    DeviceName, Family, InvokeItem, WriteItem,
    json::Text,
    limits::{DEFAULT_TIMEOUT_MS, MAX_TIMEOUT_MS},
    request::{Entry, Fields, TakeItems, expected_items, read_each},
    secret::Secret,
};

use super::{RequesterConfig, SubmitError};

/// What the requester has to know of one item of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Outline<'a> {
    /// Never empty. `None` if the item has no usable id: no reply can be attributed to it by id, and the service can only refuse it.
    pub(super) request_id: Option<Cow<'a, str>>,
    pub(super) timeout_ms: u32,
}

/// Reads a body into the outlines of its items.
pub(super) fn outline<'a>(
    body: &'a [u8],
    family: Family,
    org_id: &str,
    config: &RequesterConfig,
) -> Result<Outlines<'a>, SubmitError> {
    let list = Vec::with_capacity(expected_items(body, &config.limits));
    let mut outlines = Outlines { list, shortest_ms: None };
    read_each(body, family, org_id, &config.limits, &mut outlines)?;
    Ok(outlines)
}

/// The outlines of a body's items.
pub(super) struct Outlines<'a> {
    /// In the order of the body. Several may have the same id.
    pub(super) list: Vec<Outline<'a>>,
    /// The shortest timeout of the items that the service may accept.
    shortest_ms: Option<u32>,
}

impl<'a> TakeItems<'a> for Outlines<'a> {
    fn fast(&mut self, fields: &Fields<'a, '_>, is_acceptable: impl FnOnce() -> bool) -> bool {
        let Some(id) = fields.request_id().printable(fields.text).filter(|_| is_acceptable()) else { return false };
        let timeout = fields.timeout();
        let timeout_ms = if timeout.is_nothing() { None } else { timeout.integer(fields.text) };
        self.push(Some(id.into()), timeout_ms, true);
        true
    }

    fn entry(&mut self, entry: Entry<'a>) {
        match entry {
            Entry::Accepted(command) => {
                self.push(Some(command.request_id.decode()), Some(i64::from(command.timeout_ms)), true);
            }
            Entry::Refused(refusal) => {
                self.push(refusal.echo.request_id.map(Text::decode), refusal.echo.timeout, false);
            }
        }
    }
}

impl<'a> Outlines<'a> {
    /// How long it makes sense to try to send the body: the shortest timeout, or the default one, in milliseconds.
    pub(super) fn patience_ms(&self) -> u32 {
        self.shortest_ms.unwrap_or(DEFAULT_TIMEOUT_MS)
    }

    /// An empty id counts as none, a timeout out of range as the default.
    fn push(&mut self, request_id: Option<Cow<'a, str>>, timeout_ms: Option<i64>, may_be_accepted: bool) {
        let timeout_ms = timeout_ms.and_then(|timeout| u32::try_from(timeout).ok());
        let timeout_ms = timeout_ms.filter(|timeout| *timeout <= MAX_TIMEOUT_MS).unwrap_or(DEFAULT_TIMEOUT_MS);
        if may_be_accepted {
            self.shortest_ms = Some(self.shortest_ms.map_or(timeout_ms, |shortest| shortest.min(timeout_ms)));
        }
        self.list.push(Outline { request_id: request_id.filter(|id| !id.is_empty()), timeout_ms });
    }
}

/// An item as it is written into a body. Fields of the other family are absent.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    request_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    control_channel_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    set_measurepoint_channel_id: Option<&'a str>,
    #[serde(flatten)]
    device: &'a DeviceName,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    measurepoint_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    callback_url: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_data: Option<InputData<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout: Option<u32>,
    gmt_service_request: i64,
}

#[derive(Serialize)]
#[serde(untagged)]
enum InputData<'a> {
    Arguments(&'a serde_json::Map<String, serde_json::Value>),
    /// A write's value may have any key; this is the one of the published samples.
    Value {
        arg: &'a serde_json::Value,
    },
}

pub(super) fn write_invokes(items: &[InvokeItem], secret: &mut Secret, epoch_ms: i64) -> Vec<u8> {
    write(items.iter().map(|item| Item {
        request_id: item.request_id.clone().unwrap_or_else(|| secret.uuid_v7(epoch_ms)),
        control_channel_id: Some(&item.control_channel_id),
        set_measurepoint_channel_id: None,
        device: &item.device,
        service_id: Some(&item.service_id),
        measurepoint_id: None,
        callback_url: item.callback_url.as_deref(),
        input_data: item.input_data.as_ref().map(InputData::Arguments),
        timeout: item.timeout,
        gmt_service_request: epoch_ms,
    }))
}

pub(super) fn write_writes(items: &[WriteItem], secret: &mut Secret, epoch_ms: i64) -> Vec<u8> {
    write(items.iter().map(|item| Item {
        request_id: item.request_id.clone().unwrap_or_else(|| secret.uuid_v7(epoch_ms)),
        control_channel_id: None,
        set_measurepoint_channel_id: Some(&item.set_measurepoint_channel_id),
        device: &item.device,
        service_id: None,
        measurepoint_id: Some(&item.measurepoint_id),
        callback_url: item.callback_url.as_deref(),
        input_data: Some(InputData::Value { arg: &item.value }),
        timeout: item.timeout,
        gmt_service_request: epoch_ms,
    }))
}

fn write<'a>(items: impl Iterator<Item = Item<'a>>) -> Vec<u8> {
    let mut body = br#"{"data":["#.to_vec();
    for (index, item) in items.enumerate() {
        if index > 0 {
            body.push(b',');
        }
        // Cannot fail: the writer is a `Vec`, and all map keys are strings.
        let written = serde_json::to_writer(&mut body, &item);
        debug_assert!(written.is_ok(), "{written:?}");
    }
    body.extend_from_slice(b"]}");
    body
}

//! The response, for a serialiser to write.

use serde::{Serialize, Serializer};
use setpoint::Code;
use setpoint_benches::EPOCH_MS;

use super::rules::{Fault, Item};

#[derive(Debug, Serialize)]
pub(super) struct Response<'a, I> {
    status: i64,
    msg: &'static str,
    submsg: Option<()>,
    data: Vec<Reply<'a, I>>,
}

impl<'a, I> Response<'a, I> {
    pub(super) fn new(data: Vec<Reply<'a, I>>) -> Self {
        Self { status: 0, msg: "Success", submsg: None, data }
    }
}

/// One item as it comes back, with all 20 fields.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Reply<'a, I> {
    request_id: Option<&'a str>,
    message_id: Option<()>,
    request_method: Option<Method<'a>>,
    call_type: &'static str,
    control_channel_id: Option<&'a str>,
    product_key: Option<&'a str>,
    device_key: Option<&'a str>,
    asset_id: Option<&'a str>,
    service_name: Option<()>,
    service_id: Option<&'a str>,
    callback_url: Option<&'a str>,
    input_data: Option<I>,
    output_data: Empty,
    status: i64,
    msg: &'static str,
    submsg: Option<String>,
    timeout: Option<i64>,
    gmt_service_request: Option<i64>,
    gmt_service_reply: i64,
    gmt_device_reply: i64,
}

impl<'a, I> Reply<'a, I> {
    /// The reply to an item; `input` is what it repeats of the input.
    pub(super) fn new(item: &Item<'a>, input: Option<I>, fault: Option<Fault>) -> Self {
        let named = |name: Option<&'a str>| name.filter(|name| !name.is_empty());
        let (status, submsg) = fault.map_or((0, None), |fault| (fault.code, Some(fault.reason)));
        Self {
            request_id: item.request_id,
            message_id: None,
            request_method: item.service_id.map(Method),
            call_type: "ASYNC",
            control_channel_id: item.channel_id,
            product_key: named(item.product_key),
            device_key: named(item.device_key),
            asset_id: named(item.asset_id),
            service_name: None,
            service_id: item.service_id,
            callback_url: item.callback_url,
            input_data: input.filter(|_| item.input_is_usable),
            output_data: Empty {},
            status,
            msg: Code(status).msg(),
            submsg,
            timeout: item.timeout.echo(),
            gmt_service_request: Some(item.gmt_service_request.filter(|gmt| *gmt > 0).unwrap_or(EPOCH_MS)),
            gmt_service_reply: EPOCH_MS,
            gmt_device_reply: -1,
        }
    }
}

#[derive(Debug, Serialize)]
struct Empty {}

/// `thing.service.` and the service.
#[derive(Debug)]
struct Method<'a>(&'a str);

impl Serialize for Method<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("thing.service.{}", self.0))
    }
}

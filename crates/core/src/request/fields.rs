//! The members of an item that the protocol names.

use crate::{
    Family,
    json::{Reader, SyntaxError, Value, read_members},
};

/// An item's members as they were found, not yet judged.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    pub(super) request_id: Value<'a>,
    pub(super) org_id: Value<'a>,
    pub(super) call_type: Value<'a>,
    pub(super) channel_id: Value<'a>,
    pub(super) product_key: Value<'a>,
    pub(super) device_key: Value<'a>,
    pub(super) asset_id: Value<'a>,
    pub(super) target: Value<'a>,
    pub(super) callback_url: Value<'a>,
    pub(super) input: Value<'a>,
    pub(super) timeout: Value<'a>,
    pub(super) gmt_request: Value<'a>,
    /// The alias of `gmt_request`, which only the write family has (EnOS).
    pub(super) gmt_alias: Value<'a>,
}

pub(super) const GMT_REQUEST: &str = "gmtServiceRequest";
pub(super) const GMT_ALIAS: &str = "gmtSetMeasurepointRequest";

/// The names in the order of the samples, which is the order that most items have, too.
const NAMES: usize = 13;
static INVOKE: [&str; NAMES - 1] = [
    "requestId",
    "orgId",
    "callType",
    "controlChannelId",
    "productKey",
    "deviceKey",
    "assetId",
    "serviceId",
    "callbackUrl",
    "inputData",
    "timeout",
    GMT_REQUEST,
];
static WRITE: [&str; NAMES] = [
    "requestId",
    "orgId",
    "callType",
    "setMeasurepointChannelId",
    "productKey",
    "deviceKey",
    "assetId",
    "measurepointId",
    "callbackUrl",
    "inputData",
    "timeout",
    GMT_REQUEST,
    GMT_ALIAS,
];

impl<'a> Fields<'a> {
    /// Reads the object that the reader stands before.
    pub(super) fn read(reader: &mut Reader<'a>, family: Family) -> Result<Self, SyntaxError> {
        let names: &[&str] = match family {
            Family::Invoke => &INVOKE,
            Family::Write => &WRITE,
        };
        let [
            request_id,
            org_id,
            call_type,
            channel_id,
            product_key,
            device_key,
            asset_id,
            target,
            callback_url,
            input,
            timeout,
            gmt_request,
            gmt_alias,
        ] = read_members::<NAMES>(reader, names)?;
        Ok(Self {
            request_id,
            org_id,
            call_type,
            channel_id,
            product_key,
            device_key,
            asset_id,
            target,
            callback_url,
            input,
            timeout,
            gmt_request,
            gmt_alias,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_familys_table() {
        for (family, names) in [(Family::Invoke, &INVOKE[..]), (Family::Write, &WRITE[..])] {
            assert_eq!(names[3], family.table().channel_field);
            assert_eq!(names[7], family.table().target_field);
        }
    }
}

//! The members of an item that the protocol names.

use crate::{
    Family,
    json::{KnownMembers, Name, Reader, Stopped, Token},
};

/// An item's members as they were found, not yet judged.
#[derive(Debug)]
pub(super) struct Fields<'a> {
    /// Where they stand.
    pub(super) text: &'a str,
    pub(super) request_id: Token,
    pub(super) org_id: Token,
    pub(super) call_type: Token,
    pub(super) channel_id: Token,
    pub(super) product_key: Token,
    pub(super) device_key: Token,
    pub(super) asset_id: Token,
    pub(super) target: Token,
    pub(super) callback_url: Token,
    pub(super) input: Token,
    pub(super) timeout: Token,
    pub(super) gmt_request: Token,
    /// The alias of `gmt_request`, which only the write family has (EnOS).
    pub(super) gmt_alias: Token,
}

pub(super) const GMT_REQUEST: &str = "gmtServiceRequest";
pub(super) const GMT_ALIAS: &str = "gmtSetMeasurepointRequest";

/// The names in the order of the samples, which is the order that most items have, too.
const NAMES: usize = 13;
static INVOKE: [Name; NAMES - 1] = Name::all([
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
]);
static WRITE: [Name; NAMES] = Name::all([
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
]);

/// Reads the items of one batch.
#[derive(Debug)]
pub(super) struct ItemReader(KnownMembers<NAMES>);

impl ItemReader {
    pub(super) fn new(family: Family) -> Self {
        Self(KnownMembers::new(match family {
            Family::Invoke => &INVOKE,
            Family::Write => &WRITE,
        }))
    }

    /// Reads the object that the reader stands before.
    #[inline]
    pub(super) fn read<'a>(&mut self, reader: &mut Reader<'a>) -> Result<Fields<'a>, Stopped> {
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
        ] = self.0.read(reader)?;
        Ok(Fields {
            text: reader.text(),
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
            assert_eq!(names[3].as_str(), family.table().channel_field);
            assert_eq!(names[7].as_str(), family.table().target_field);
        }
    }
}

//! The members of an item that the protocol names.

use super::{Command, fast_path};
use crate::{
    Family,
    json::{KnownMembers, Reader, Stopped, Token},
};

/// The members of an item as they were read, not yet judged.
#[derive(Debug)]
pub(crate) struct Fields<'a, 'r> {
    /// The body: tokens are places in it.
    pub(crate) text: &'a str,
    members: &'r KnownMembers<NAMES, STEADY>,
}

impl<'a> Fields<'a, '_> {
    /// The command of an item that is acceptable on the fast path.
    #[inline]
    pub(crate) fn to_command(&self) -> Command<'a> {
        fast_path::command(self)
    }

    /// Whether org, channel and product key are the same as in the previous item.
    #[inline(always)]
    pub(super) fn are_as_before(&self) -> bool {
        const THOSE: u32 = 1 << 1 | 1 << 3 | 1 << 4;
        self.members.same() & THOSE == THOSE
    }
}

/// A method for each member, by the position of its name in [`names`].
macro_rules! fields {
    ($($(#[$doc:meta])* $name:ident $at:literal,)+) => {
        impl Fields<'_, '_> {
            $(
                $(#[$doc])*
                #[inline(always)]
                pub(crate) fn $name(&self) -> Token {
                    self.members.token($at)
                }
            )+
        }
    };
}
fields! {
    request_id 0,
    org_id 1,
    call_type 2,
    channel_id 3,
    product_key 4,
    device_key 5,
    asset_id 6,
    target 7,
    callback_url 8,
    input 9,
    timeout 10,
    gmt_request 11,
    /// The alias of `gmt_request`, which only the write family has (EnOS).
    gmt_alias 12,
}

pub(super) const GMT_REQUEST: &str = "gmtServiceRequest";
pub(super) const GMT_ALIAS: &str = "gmtSetMeasurepointRequest";

const NAMES: usize = 13;
/// Members that mostly have the same value in all items of a batch: org, call type, channel, product key and callback.
const STEADY: u32 = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 8;

/// The names in the order of the published samples, which most items follow.
const fn names(channel_id: &'static str, target: &'static str, gmt_alias: &'static str) -> [&'static str; NAMES] {
    [
        "requestId",
        "orgId",
        "callType",
        channel_id,
        "productKey",
        "deviceKey",
        "assetId",
        target,
        "callbackUrl",
        "inputData",
        "timeout",
        GMT_REQUEST,
        gmt_alias,
    ]
}

static INVOKE: KnownMembers<NAMES, STEADY> = KnownMembers::new(&const { names("controlChannelId", "serviceId", "") });
static WRITE: KnownMembers<NAMES, STEADY> =
    KnownMembers::new(&const { names("setMeasurepointChannelId", "measurepointId", GMT_ALIAS) });

/// Reads items, and remembers how they were written to read the next one faster.
#[derive(Debug, Clone)]
pub(crate) struct ItemReader {
    members: KnownMembers<NAMES, STEADY>,
    family: Family,
}

impl ItemReader {
    // Inlined: moving it would copy several hundred bytes.
    #[inline(always)]
    pub(crate) fn new(family: Family) -> Self {
        let members = match family {
            Family::Invoke => &INVOKE,
            Family::Write => &WRITE,
        };
        Self { members: *members, family }
    }

    pub(crate) fn family(&self) -> Family {
        self.family
    }

    /// Reads the object at which the reader is.
    #[inline]
    pub(super) fn read(&mut self, reader: &mut Reader<'_>) -> Result<(), Stopped> {
        self.members.read(reader)
    }

    /// The members of the object that was read last, which is in `text`.
    #[inline(always)]
    pub(super) fn fields<'a>(&self, text: &'a str) -> Fields<'a, '_> {
        Fields { text, members: &self.members }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_familys_table() {
        for (family, members) in [(Family::Invoke, &INVOKE), (Family::Write, &WRITE)] {
            let names = members.names();
            assert_eq!(names[3], family.table().channel_field);
            assert_eq!(names[7], family.table().target_field);
        }
    }
}

//! The two families of commands, and everything in which they differ.

use crate::Code;

/// What a batch asks of its devices.
///
/// What differs by name, path or code is in [`Family::table`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[allow(clippy::exhaustive_enums, reason = "the protocol has two")]
pub enum Family {
    /// Call a service of a device (`multiInvoke`).
    Invoke,
    /// Write a value to a measure point (`multiSet`).
    Write,
}

/// Names, paths and codes of one family (protocol §1).
#[derive(Debug)]
#[non_exhaustive]
pub struct FamilyTable {
    /// `invoke` or `write`.
    pub name: &'static str,
    /// Path of the batch call.
    pub path: &'static str,
    /// The `action` of the later alias `/edge-service/v1/commands`.
    pub action: &'static str,
    /// Path of the channel calls.
    pub channels_path: &'static str,
    /// Field that names an item's channel.
    pub channel_field: &'static str,
    /// What every channel id of this family starts with.
    pub channel_prefix: &'static str,
    /// Field that names an item's target.
    pub target_field: &'static str,
    /// The device refused, gave an unusable answer, or certainly never got the command.
    pub device_failure: Code,
    /// The channel exists already.
    pub channel_exists: Code,
    /// The channel id is not well formed.
    pub channel_illegal: Code,
    /// The channel does not exist, is another org's, or of the other family.
    pub channel_missing: Code,
    /// Updating a channel failed.
    pub channel_update: Code,
    /// Deleting a channel failed.
    pub channel_delete: Code,
    /// Saving a channel failed.
    pub channel_save: Code,
    /// Listing channels failed.
    pub channel_query: Code,
    /// The org has as many channels as it may.
    pub channel_limit: Code,
}

static INVOKE: FamilyTable = FamilyTable {
    name: "invoke",
    path: "/dataService/devices/multiInvoke",
    action: "invokeServiceAsync",
    channels_path: "/dataService/controlChannels",
    channel_field: "controlChannelId",
    channel_prefix: "DATASVC.CONTROL.",
    target_field: "serviceId",
    device_failure: Code::INVOKE_FAILED,
    channel_exists: Code::CONTROL_CHANNEL_EXISTS,
    channel_illegal: Code::CONTROL_CHANNEL_ILLEGAL,
    channel_missing: Code::CONTROL_CHANNEL_MISSING,
    channel_update: Code::CONTROL_CHANNEL_UPDATE,
    channel_delete: Code::CONTROL_CHANNEL_DELETE,
    channel_save: Code::CONTROL_CHANNEL_SAVE,
    channel_query: Code::CONTROL_CHANNEL_QUERY,
    channel_limit: Code::CONTROL_CHANNEL_LIMIT,
};

static WRITE: FamilyTable = FamilyTable {
    name: "write",
    path: "/dataService/devices/multiSet",
    action: "setMeasurepointAsync",
    channels_path: "/dataService/setMeasurepointChannels",
    channel_field: "setMeasurepointChannelId",
    channel_prefix: "DATASVC.SET.",
    target_field: "measurepointId",
    device_failure: Code::WRITE_FAILED,
    channel_exists: Code::SET_CHANNEL_EXISTS,
    channel_illegal: Code::SET_CHANNEL_ILLEGAL,
    channel_missing: Code::SET_CHANNEL_MISSING,
    channel_update: Code::SET_CHANNEL_UPDATE,
    channel_delete: Code::SET_CHANNEL_DELETE,
    channel_save: Code::SET_CHANNEL_SAVE,
    channel_query: Code::SET_CHANNEL_QUERY,
    channel_limit: Code::SET_CHANNEL_LIMIT,
};

impl Family {
    /// Both families.
    pub const ALL: [Self; 2] = [Self::Invoke, Self::Write];

    /// The family's names, paths and codes.
    pub fn table(self) -> &'static FamilyTable {
        match self {
            Self::Invoke => &INVOKE,
            Self::Write => &WRITE,
        }
    }

    /// `invoke` or `write`.
    pub fn name(self) -> &'static str {
        self.table().name
    }
}

//! The published sample batches, and the devices and channels that they name.

use setpoint::Family;
use setpoint_devices::{Behaviour, Command, DeviceId, Output};
use setpoint_gateway::{ChannelEntry, DeviceEntry};

/// One sample batch, and the org in whose name it is sent.
pub(super) struct Sample {
    pub(super) family: Family,
    pub(super) org_id: &'static str,
    pub(super) channel: &'static str,
    pub(super) body: &'static str,
    /// The key of its device. Both samples name the same device, in two orgs. A device belongs to one org, so here they
    /// are two devices with the same asset id (which is unique only within an org) and different keys.
    device_key: &'static str,
}

pub(super) const SAMPLES: [Sample; 2] = [
    Sample {
        family: Family::Invoke,
        org_id: "o15434988531231",
        channel: "DATASVC.CONTROL.afdasfasdf",
        body: include_str!("../../../core/vectors/samples/invoke-request.json"),
        device_key: "dsfa",
    },
    Sample {
        family: Family::Write,
        org_id: "adadad",
        channel: "DATASVC.SET.afdasfasdf",
        body: include_str!("../../../core/vectors/samples/set-request.json"),
        device_key: "dsfa-2",
    },
];
const PRODUCT: &str = "dfasdf";
const ASSET: &str = "aaa";
/// The second target of each sample fails, as in the published channel messages.
pub(super) const FAILS: &str = "ccc";
pub(super) const FAILURE_MESSAGE: &str = "the pitch drive is blocked";

impl Sample {
    pub(super) fn device(&self) -> DeviceId {
        DeviceId::new(PRODUCT, self.device_key)
    }
}

pub(super) fn devices() -> impl Iterator<Item = DeviceId> {
    SAMPLES.iter().map(Sample::device)
}

pub(super) fn entries() -> impl Iterator<Item = DeviceEntry> {
    SAMPLES.iter().map(|sample| DeviceEntry::new(sample.org_id, PRODUCT, sample.device_key, ASSET))
}

pub(super) fn channels() -> impl Iterator<Item = ChannelEntry> {
    SAMPLES.iter().map(|sample| ChannelEntry::new(sample.org_id, sample.channel))
}

/// How the samples' devices handle a command.
pub(super) fn behaviour(command: &Command) -> Behaviour {
    if command.device.product_key == PRODUCT && command.target == FAILS {
        return Behaviour::Fail { code: 2_001, message: FAILURE_MESSAGE.to_owned() };
    }
    Behaviour::Succeed { output: Output::Json(serde_json::json!({ "state": "done" })) }
}

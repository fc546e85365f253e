//! The names of the demo's wind farm: org, turbines, channels, and what a turbine can do.

use setpoint::Family;
use setpoint_devices::DeviceId;

pub(super) const ORG: &str = "windfarm";
pub(super) const PRODUCT: &str = "turbine";
/// Service ids with their display names.
pub(super) const SERVICES: [(&str, &str); 4] = [
    ("start", "Start the turbine"),
    ("stop", "Stop the turbine"),
    ("setPower", "Set the power"),
    ("yaw", "Turn into the wind"),
];

pub(super) fn device(turbine: usize) -> DeviceId {
    DeviceId::new(PRODUCT, format!("t-{turbine:04}"))
}

pub(super) fn asset(turbine: usize) -> String {
    format!("wtg-{turbine:04}")
}

pub(super) fn channel(family: Family) -> &'static str {
    match family {
        Family::Invoke => "DATASVC.CONTROL.farm",
        Family::Write => "DATASVC.SET.farm",
    }
}

/// The services or measure points of a turbine.
pub(super) fn targets(family: Family) -> &'static [&'static str] {
    match family {
        Family::Invoke => &["start", "stop", "setPower", "yaw"],
        Family::Write => &["powerLimit", "pitchAngle", "yawTarget"],
    }
}

/// The plant as a directory for the engine's check, without a gateway.
#[cfg(test)]
pub(super) struct PlantDirectory {
    pub(super) devices: usize,
}

#[cfg(test)]
impl setpoint::Directory for PlantDirectory {
    fn has_org(&self, org_id: &str) -> bool {
        org_id == ORG
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        channel_id == channel(family)
    }

    fn device(&self, _org_id: &str, name: setpoint::DeviceRef<'_>) -> Option<std::sync::Arc<setpoint::Device>> {
        let turbine = (0..self.devices).find(|&turbine| match name {
            setpoint::DeviceRef::Asset(id) => asset(turbine) == id,
            setpoint::DeviceRef::Keys { product_key, device_key } => {
                device(turbine) == DeviceId::new(product_key, device_key)
            }
        })?;
        let id = device(turbine);
        Some(std::sync::Arc::new(setpoint::Device::new(&id.product_key, &id.device_key, &asset(turbine))))
    }

    fn target(
        &self,
        _org_id: &str,
        _device: &setpoint::Device,
        family: Family,
        target: &str,
        _input: Option<setpoint::json::Payload<'_>>,
    ) -> Result<(), setpoint::Fault> {
        if targets(family).contains(&target) {
            return Ok(());
        }
        Err(setpoint::Fault::new(setpoint::Code::TARGET_MISSING, family.table().target_field, "no such target"))
    }
}

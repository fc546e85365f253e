//! What exists, as far as the caller says: device lists and channels.

use std::{path::Path, sync::Arc};

use setpoint::{Device, DeviceRef, Directory, Family, Fault, json::Payload};
use setpoint_gateway::DeviceList;

use crate::failure::{Failure, exit};

/// A directory in which only what a list names exists, and everything of which there is no list.
#[derive(Debug)]
pub(crate) struct Known {
    devices: Option<DeviceList>,
    channels: Option<Vec<String>>,
}

impl Known {
    pub(crate) fn new(devices: Option<&Path>, channels: &[String]) -> Result<Self, Failure> {
        let devices = devices.map(read_devices).transpose()?;
        Ok(Self { devices, channels: (!channels.is_empty()).then(|| channels.to_vec()) })
    }
}

impl Directory for Known {
    /// The lists are of channels and devices; a device that is missing in the org is reported as such.
    fn has_org(&self, _org_id: &str) -> bool {
        true
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        self.channels.as_ref().is_none_or(|known| {
            channel_id.starts_with(family.table().channel_prefix) && known.iter().any(|known| known == channel_id)
        })
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        match &self.devices {
            Some(devices) => devices.device(org_id, device),
            None => setpoint::AnyDirectory.device(org_id, device),
        }
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        self.devices.as_ref().map_or(Ok(()), |devices| devices.target(org_id, device, family, target, input))
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.devices.as_ref()?.service_name(org_id, device, service_id)
    }
}

/// Reads a device list as the service does.
pub(crate) fn read_devices(path: &Path) -> Result<DeviceList, Failure> {
    DeviceList::from_file(path).map_err(|error| Failure::new(exit::INPUT, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CSV: &str = "orgId,productKey,deviceKey,assetId,deduplicates,services,measurepoints\n\
                       o1,turbine,t-1,wtg-1,true,start|stop,\n\
                       o2,turbine,t-2,wtg-2,,,power\n";
    const JSON: &str = r#"[
        {"orgId":"o1","productKey":"turbine","deviceKey":"t-1","assetId":"wtg-1","deduplicates":true,"services":["start","stop"]},
        {"orgId":"o2","productKey":"turbine","deviceKey":"t-2","assetId":"wtg-2","measurepoints":["power"]}
    ]"#;

    fn known(name: &str, text: &str, channels: &[String]) -> Result<Known, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        Known::new(Some(&path), channels)
    }

    #[test]
    fn both_forms_of_a_list_say_the_same() {
        for (name, text) in [("d.csv", CSV), ("d.json", JSON)] {
            let known = known(name, text, &[]).unwrap();
            let device = known.device("o1", DeviceRef::Asset("wtg-1")).unwrap();
            assert_eq!(&*device.device_key, "t-1");
            assert!(known.device("o2", DeviceRef::Asset("wtg-1")).is_none(), "it is another org's");
            assert!(known.target("o1", &device, Family::Invoke, "stop", None).is_ok());
            assert!(known.target("o1", &device, Family::Invoke, "explode", None).is_err());
            assert!(known.target("o1", &device, Family::Write, "anything", None).is_ok(), "of those there is no list");
        }
    }

    #[test]
    fn without_a_list_everything_exists_and_with_one_nothing_else() {
        let all = Known::new(None, &[]).unwrap();
        assert!(all.has_channel("o", Family::Invoke, "DATASVC.CONTROL.x"));
        assert!(all.device("o", DeviceRef::Asset("a")).is_some());
        let one = Known::new(None, &["DATASVC.CONTROL.x".to_owned()]).unwrap();
        assert!(one.has_channel("o", Family::Invoke, "DATASVC.CONTROL.x"));
        assert!(!one.has_channel("o", Family::Invoke, "DATASVC.CONTROL.y"));
        assert!(!one.has_channel("o", Family::Write, "DATASVC.CONTROL.x"));
    }

    #[test]
    fn a_list_that_cannot_be_read_is_named_with_the_place() {
        let failure = known("d.csv", "orgId,productKey,deviceKey,assetId\no,p,d\n", &[]).map(drop).unwrap_err();
        assert_eq!(failure.code, exit::INPUT);
        let text = format!("{failure:?}");
        assert!(text.contains("d.csv") && text.contains("line 2"), "{text}");
    }
}

//! The directory of `setpoint check`: what exists according to its options.

use std::{path::Path, sync::Arc};

use setpoint::{AnyDirectory, Device, DeviceRef, Directory, Family, Fault, json::Payload};
use setpoint_gateway::DeviceList;

use crate::{failure::Failure, input::read_devices};

/// A directory of the devices of a list and of given channels. Without a list all devices exist, without channels all
/// channels do.
#[derive(Debug)]
pub(crate) struct KnownDirectory {
    devices: Option<DeviceList>,
    channels: Option<Vec<String>>,
}

impl KnownDirectory {
    pub(crate) fn new(devices: Option<&Path>, channels: &[String]) -> Result<Self, Failure> {
        let devices = devices.map(read_devices).transpose()?;
        Ok(Self { devices, channels: (!channels.is_empty()).then(|| channels.to_vec()) })
    }

    fn devices(&self) -> &dyn Directory {
        match &self.devices {
            Some(list) => &**list,
            None => &AnyDirectory,
        }
    }
}

impl Directory for KnownDirectory {
    /// Nothing lists orgs. A device that another org has is reported as missing.
    fn has_org(&self, _org_id: &str) -> bool {
        true
    }

    fn has_channel(&self, _org_id: &str, family: Family, channel_id: &str) -> bool {
        self.channels.as_ref().is_none_or(|known| {
            channel_id.starts_with(family.table().channel_prefix) && known.iter().any(|known| known == channel_id)
        })
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        self.devices().device(org_id, device)
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        self.devices().target(org_id, device, family, target, input)
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.devices().service_name(org_id, device, service_id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::exit;

    const CSV: &str = "orgId,productKey,deviceKey,assetId,deduplicates,services,measurepoints\n\
                       o1,turbine,t-1,wtg-1,true,start|stop,\n\
                       o2,turbine,t-2,wtg-2,,,power\n";
    const JSON: &str = r#"[
        {"orgId":"o1","productKey":"turbine","deviceKey":"t-1","assetId":"wtg-1","deduplicates":true,"services":["start","stop"]},
        {"orgId":"o2","productKey":"turbine","deviceKey":"t-2","assetId":"wtg-2","measurepoints":["power"]}
    ]"#;

    fn known(name: &str, text: &str, channels: &[String]) -> Result<KnownDirectory, Failure> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, text).unwrap();
        KnownDirectory::new(Some(&path), channels)
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
            assert!(
                known.target("o1", &device, Family::Write, "anything", None).is_ok(),
                "no list of measure points is given"
            );
        }
    }

    #[test]
    fn without_a_list_everything_exists_and_with_one_nothing_else() {
        let all = KnownDirectory::new(None, &[]).unwrap();
        assert!(all.has_channel("o", Family::Invoke, "DATASVC.CONTROL.x"));
        assert!(all.device("o", DeviceRef::Asset("a")).is_some());
        let one = KnownDirectory::new(None, &["DATASVC.CONTROL.x".to_owned()]).unwrap();
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

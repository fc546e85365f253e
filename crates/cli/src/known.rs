//! What exists, as far as the caller says: device lists and channels.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use serde::Deserialize;
use serde_json::json;
use setpoint::{Device, DeviceRef, Directory, Family, Fault, TableDirectory, json::Payload};
use setpoint_gateway::{DeviceEntry, ServiceEntry};

use crate::failure::{Failure, exit};

/// A directory in which only what a list names exists, and everything of which there is no list.
#[derive(Debug)]
pub(crate) struct Known {
    devices: Option<TableDirectory>,
    channels: Option<Vec<String>>,
}

impl Known {
    pub(crate) fn new(devices: Option<&Path>, channels: &[String]) -> Result<Self, Failure> {
        let devices = devices.map(|path| directory(path, &read_devices(path)?)).transpose()?;
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

/// Reads a device list, `.json` or `.csv`, in the forms that the service reads.
pub(crate) fn read_devices(path: &Path) -> Result<Vec<DeviceEntry>, Failure> {
    let failed = |reason: String| Failure::new(exit::INPUT, format!("device list {}: {reason}", path.display()));
    let bytes = std::fs::read(path).map_err(|error| failed(format!("cannot be read: {error}")))?;
    let extension = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
    match extension.to_ascii_lowercase().as_str() {
        "json" => serde_json::from_slice(&bytes).map_err(|error| failed(error.to_string())),
        "csv" => read_csv(&bytes).map_err(|error| failed(error.to_string())),
        _ => Err(failed("it is neither a .json nor a .csv file".to_owned())),
    }
}

/// A row of a CSV list. A list inside a cell is separated by `|`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    org_id: String,
    product_key: String,
    device_key: String,
    asset_id: String,
    deduplicates: Option<bool>,
    services: Option<String>,
    measurepoints: Option<String>,
}

fn read_csv(bytes: &[u8]) -> Result<Vec<DeviceEntry>, csv::Error> {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let mut reader = csv::ReaderBuilder::new().trim(csv::Trim::All).from_reader(bytes);
    let list = |cell: Option<String>| -> Option<Vec<String>> {
        cell.filter(|cell| !cell.is_empty()).map(|cell| cell.split('|').map(|id| id.trim().to_owned()).collect())
    };
    let mut entries = Vec::new();
    for row in reader.deserialize() {
        let row: Row = row?;
        let mut entry = DeviceEntry::new(row.org_id, row.product_key, row.device_key, row.asset_id);
        entry.deduplicates = row.deduplicates.unwrap_or_default();
        entry.services = list(row.services).map(|ids| ids.into_iter().map(ServiceEntry::Id).collect());
        entry.measurepoints = list(row.measurepoints);
        entries.push(entry);
    }
    Ok(entries)
}

fn directory(path: &Path, entries: &[DeviceEntry]) -> Result<TableDirectory, Failure> {
    let mut orgs = BTreeMap::<&str, Vec<serde_json::Value>>::new();
    for entry in entries {
        let services = entry.services.as_ref().map(|services| {
            services
                .iter()
                .map(|service| (service.id().to_owned(), json!(service.name())))
                .collect::<serde_json::Map<_, _>>()
        });
        let mut device = json!({
            "productKey": entry.product_key,
            "deviceKey": entry.device_key,
            "assetId": entry.asset_id,
            "deduplicates": entry.deduplicates,
        });
        // What is left out is not known.
        if let Some(services) = services {
            device["services"] = services.into();
        }
        if let Some(measurepoints) = &entry.measurepoints {
            device["measurepoints"] = json!(measurepoints);
        }
        orgs.entry(&entry.org_id).or_default().push(device);
    }
    let table = orgs.into_iter().map(|(org, devices)| (org, json!({ "devices": devices }))).collect::<BTreeMap<_, _>>();
    serde_json::from_value(json!(table))
        .map_err(|error| Failure::new(exit::INPUT, format!("device list {}: {error}", path.display())))
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
        for (name, text, part) in [
            ("d.txt", "", ".csv"),
            ("d.json", "[{\"orgId\":1}]", "line 1"),
            ("d.csv", "orgId,productKey\no,p\n", "deviceKey"),
            ("d.csv", "orgId,productKey,deviceKey,assetId\no,p,d\n", "line: 2"),
        ] {
            let failure = known(name, text, &[]).map(drop).unwrap_err();
            assert_eq!(failure.code, exit::INPUT);
            let text = format!("{failure:?}");
            assert!(text.contains(part) && text.contains(name), "{part}: {text}");
        }
    }
}

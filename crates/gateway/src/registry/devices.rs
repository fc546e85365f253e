//! Orgs and their devices.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::Arc,
};

use setpoint::{Code, Device, DeviceRef, Family, Fault, limits::MAX_ID_BYTES};

use super::{DeviceEntry, RegistryError};

/// Every org with its devices.
#[derive(Debug, Default)]
pub(crate) struct Devices {
    orgs: HashMap<Box<str>, Org>,
    /// Product and device keys of all orgs: a topic names a device without its org.
    keys: HashMap<Box<str>, HashSet<Box<str>>>,
    /// Many devices have the same model; each is kept once.
    models: HashSet<Arc<Model>>,
    count: usize,
}

#[derive(Debug, Default)]
struct Org {
    by_asset: HashMap<Box<str>, Arc<Known>>,
    by_keys: HashMap<Box<str>, HashMap<Box<str>, Arc<Known>>>,
}

#[derive(Debug)]
struct Known {
    device: Arc<Device>,
    model: Option<Arc<Model>>,
}

/// What a device has; `None` where that is not known, and everything is taken.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Model {
    services: Option<BTreeMap<Box<str>, Option<Arc<str>>>>,
    measurepoints: Option<BTreeSet<Box<str>>>,
}

/// What is wrong with a device of a list.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct EntryError {
    /// The column or key, as it is spelt in the list.
    pub(crate) column: &'static str,
    /// What is wrong and what to do about it.
    pub(crate) problem: String,
}

impl EntryError {
    fn new(column: &'static str, problem: impl Into<String>) -> Self {
        Self { column, problem: problem.into() }
    }

    /// The same with its place, such as `devices.csv, line 7`.
    pub(crate) fn at(self, place: &str) -> RegistryError {
        RegistryError::new(format!("{place}, {}", self.column), self.problem)
    }
}

impl Devices {
    /// How many devices there are.
    pub(crate) fn len(&self) -> usize {
        self.count
    }

    pub(crate) fn has_org(&self, org_id: &str) -> bool {
        self.orgs.contains_key(org_id)
    }

    /// Makes the org exist; one that does already is left as it is.
    pub(crate) fn add_org(&mut self, org_id: &str) -> Result<(), String> {
        check_id(org_id, "an org id")?;
        if !self.orgs.contains_key(org_id) {
            self.orgs.insert(org_id.into(), Org::default());
        }
        Ok(())
    }

    /// Adds a device, and its org if that is new.
    pub(crate) fn add(&mut self, entry: &DeviceEntry) -> Result<(), EntryError> {
        check_id(&entry.org_id, "an org id").map_err(|problem| EntryError::new("orgId", problem))?;
        check_topic_id(&entry.product_key, "a product key").map_err(|p| EntryError::new("productKey", p))?;
        check_topic_id(&entry.device_key, "a device key").map_err(|p| EntryError::new("deviceKey", p))?;
        check_id(&entry.asset_id, "an asset id").map_err(|problem| EntryError::new("assetId", problem))?;
        let model = Model::of(entry)?;
        if self.keys.get(entry.product_key.as_str()).is_some_and(|keys| keys.contains(entry.device_key.as_str())) {
            return Err(EntryError::new(
                "deviceKey",
                format!(
                    "the device {:?} of product {:?} is there already: product and device key together are unique \
                     over all orgs, because they name the device's topics",
                    entry.device_key, entry.product_key
                ),
            ));
        }
        let org = self.orgs.entry(entry.org_id.as_str().into()).or_default();
        if let Some(known) = org.by_asset.get(entry.asset_id.as_str()) {
            return Err(EntryError::new(
                "assetId",
                format!(
                    "{:?} is already the asset id of the device {:?} of product {:?}: asset ids are unique within an org",
                    entry.asset_id, known.device.device_key, known.device.product_key
                ),
            ));
        }
        let mut device = Device::new(&entry.product_key, &entry.device_key, &entry.asset_id);
        device.deduplicates = entry.deduplicates;
        let model = model.map(|model| match self.models.get(&model) {
            Some(known) => Arc::clone(known),
            None => {
                let model = Arc::new(model);
                self.models.insert(Arc::clone(&model));
                model
            }
        });
        let known = Arc::new(Known { device: Arc::new(device), model });
        let (product_key, device_key) = (entry.product_key.as_str(), entry.device_key.as_str());
        org.by_asset.insert(entry.asset_id.as_str().into(), Arc::clone(&known));
        org.by_keys.entry(product_key.into()).or_default().insert(device_key.into(), known);
        self.keys.entry(product_key.into()).or_default().insert(device_key.into());
        self.count += 1;
        Ok(())
    }

    /// Every device with its org.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Arc<Device>)> {
        self.orgs.iter().flat_map(|(org, devices)| devices.by_asset.values().map(move |known| (&**org, &known.device)))
    }

    /// The org's device of that name.
    pub(crate) fn find(&self, org_id: &str, device: DeviceRef<'_>) -> Option<&Arc<Device>> {
        let org = self.orgs.get(org_id)?;
        let known = match device {
            DeviceRef::Asset(asset_id) => org.by_asset.get(asset_id)?,
            DeviceRef::Keys { product_key, device_key } => org.by_keys.get(product_key)?.get(device_key)?,
        };
        Some(&known.device)
    }

    /// Refuses a service or measure point that the device is known not to have.
    pub(crate) fn check_target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
    ) -> Result<(), Fault> {
        let Some(model) = self.model(org_id, device) else { return Ok(()) };
        let missing = match family {
            Family::Invoke => model.services.as_ref().is_some_and(|services| !services.contains_key(target)),
            Family::Write => model.measurepoints.as_ref().is_some_and(|points| !points.contains(target)),
        };
        if missing {
            return Err(Fault::new(Code::TARGET_MISSING, family.table().target_field, "the device does not have it"));
        }
        Ok(())
    }

    /// The name of a service, where the list gives one.
    pub(crate) fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.model(org_id, device)?.services.as_ref()?.get(service_id)?.clone()
    }

    fn model(&self, org_id: &str, device: &Device) -> Option<&Model> {
        self.orgs.get(org_id)?.by_asset.get(&device.asset_id)?.model.as_deref()
    }
}

impl Model {
    fn of(entry: &DeviceEntry) -> Result<Option<Self>, EntryError> {
        if entry.services.is_none() && entry.measurepoints.is_none() {
            return Ok(None);
        }
        let services = match &entry.services {
            None => None,
            Some(list) => {
                let mut services = BTreeMap::new();
                for service in list {
                    check_topic_id(service.id(), "a service id").map_err(|p| EntryError::new("services", p))?;
                    if services.insert(service.id().into(), service.name().map(Arc::from)).is_some() {
                        return Err(EntryError::new("services", format!("{:?} is named twice", service.id())));
                    }
                }
                Some(services)
            }
        };
        let measurepoints = match &entry.measurepoints {
            None => None,
            Some(list) => {
                let mut points = BTreeSet::new();
                for point in list {
                    check_id(point, "a measure point id").map_err(|p| EntryError::new("measurepoints", p))?;
                    if !points.insert(point.as_str().into()) {
                        return Err(EntryError::new("measurepoints", format!("{point:?} is named twice")));
                    }
                }
                Some(points)
            }
        };
        Ok(Some(Self { services, measurepoints }))
    }
}

fn check_id(id: &str, what: &str) -> Result<(), String> {
    if id.is_empty() {
        return Err(format!("is empty: give {what}"));
    }
    if id.len() > MAX_ID_BYTES {
        return Err(format!("is {} bytes long: {what} has at most {MAX_ID_BYTES}", id.len()));
    }
    if id.chars().any(char::is_control) {
        return Err(format!("{id:?} holds a control character: {what} has none"));
    }
    Ok(())
}

/// What becomes part of a topic.
fn check_topic_id(id: &str, what: &str) -> Result<(), String> {
    check_id(id, what)?;
    if id.contains(['+', '#', '/']) || id.starts_with('$') {
        return Err(format!(
            "{id:?} cannot be part of an MQTT topic: {what} holds no '+', '#' or '/' and does not start with '$'"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::registry::ServiceEntry;

    fn keys<'a>(product_key: &'a str, device_key: &'a str) -> DeviceRef<'a> {
        DeviceRef::Keys { product_key, device_key }
    }

    #[test]
    fn a_device_is_found_by_either_name_in_its_own_org_only() {
        let mut devices = Devices::default();
        devices.add(&DeviceEntry::new("o1", "p", "d", "a")).unwrap();
        devices.add_org("o2").unwrap();
        assert_eq!(&*devices.find("o1", DeviceRef::Asset("a")).unwrap().device_key, "d");
        assert_eq!(&*devices.find("o1", keys("p", "d")).unwrap().asset_id, "a");
        for org in ["o2", "o3", "O1"] {
            assert_eq!(devices.find(org, DeviceRef::Asset("a")), None);
            assert_eq!(devices.find(org, keys("p", "d")), None);
        }
        assert_eq!(devices.len(), 1);
    }

    #[test]
    fn keys_are_unique_over_all_orgs_and_asset_ids_within_one() {
        let mut devices = Devices::default();
        devices.add(&DeviceEntry::new("o1", "p", "d", "a")).unwrap();
        assert_eq!(devices.add(&DeviceEntry::new("o2", "p", "d", "b")).unwrap_err().column, "deviceKey");
        assert_eq!(devices.add(&DeviceEntry::new("o1", "p", "e", "a")).unwrap_err().column, "assetId");
        devices.add(&DeviceEntry::new("o2", "p", "e", "a")).unwrap();
        assert!(devices.has_org("o2"));
    }

    #[test]
    fn what_cannot_be_part_of_a_topic_is_refused() {
        let mut devices = Devices::default();
        for key in ["", "a/b", "+", "#", "$SYS", "a\0b", "a\nb", &"x".repeat(129)] {
            assert_eq!(
                devices.add(&DeviceEntry::new("o1", key, "d", "a")).unwrap_err().column,
                "productKey",
                "{key:?}"
            );
            assert_eq!(devices.add(&DeviceEntry::new("o1", "p", key, "a")).unwrap_err().column, "deviceKey", "{key:?}");
        }
        assert!(!devices.has_org("o1"), "a refused device leaves nothing behind");
    }

    #[test]
    fn a_list_refuses_what_it_does_not_name_and_no_list_refuses_nothing() {
        let mut devices = Devices::default();
        let mut entry = DeviceEntry::new("o1", "p", "d", "a");
        entry.services = Some(vec![
            ServiceEntry::Id("start".into()),
            ServiceEntry::Named { id: "stop".into(), name: "Stop the turbine".into() },
        ]);
        devices.add(&entry).unwrap();
        let device = Arc::clone(devices.find("o1", DeviceRef::Asset("a")).unwrap());
        assert_eq!(devices.check_target("o1", &device, Family::Invoke, "start"), Ok(()));
        let fault = devices.check_target("o1", &device, Family::Invoke, "explode").unwrap_err();
        assert_eq!((fault.code, fault.field), (Code::TARGET_MISSING, "serviceId"));
        assert_eq!(devices.check_target("o1", &device, Family::Write, "anything"), Ok(()));
        assert_eq!(devices.service_name("o1", &device, "stop").as_deref(), Some("Stop the turbine"));
        assert_eq!(devices.service_name("o1", &device, "start"), None);
    }

    #[test]
    fn equal_models_are_kept_once() {
        let mut devices = Devices::default();
        for n in 0..10 {
            let mut entry = DeviceEntry::new("o1", "p", format!("d{n}"), format!("a{n}"));
            entry.measurepoints = Some(vec!["speed".into()]);
            devices.add(&entry).unwrap();
        }
        assert_eq!(devices.models.len(), 1);
    }
}

//! The devices of an org, and what they can do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use setpoint::{Code, Device, DeviceRef, Family, Fault, limits::MAX_ID_BYTES};

use super::{CatalogError, DeviceEntry, shared_map::SharedMap};

/// The devices of one org, by both of their names.
#[derive(Debug, Clone, Default)]
pub(super) struct OrgDevices {
    by_asset: SharedMap<Arc<Known>>,
    /// By product key, then by device key.
    by_keys: SharedMap<SharedMap<Arc<Known>>>,
}

#[derive(Debug)]
pub(super) struct Known {
    pub(super) device: Arc<Device>,
    /// Devices of one model share it.
    pub(super) model: Option<Arc<Model>>,
}

/// The services and measure points of a device; `None` where they are not known, and all are accepted.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Model {
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
    pub(super) fn new(column: &'static str, problem: impl Into<String>) -> Self {
        Self { column, problem: problem.into() }
    }

    /// The same with its place, such as `devices.csv, line 7`.
    pub(crate) fn at(self, place: &str) -> CatalogError {
        CatalogError::new(format!("{place}, {}", self.column), self.problem)
    }
}

impl OrgDevices {
    /// Adds a device. Neither of its names is there yet.
    pub(super) fn add(&mut self, known: Known) {
        let known = Arc::new(known);
        let device = &known.device;
        self.by_keys.entry(&device.product_key).insert(device.device_key.as_ref().into(), Arc::clone(&known));
        self.by_asset.insert(device.asset_id.as_ref().into(), known);
    }

    pub(super) fn find(&self, device: DeviceRef<'_>) -> Option<&Known> {
        let known = match device {
            DeviceRef::Asset(asset_id) => self.by_asset.get(asset_id)?,
            DeviceRef::Keys { product_key, device_key } => self.by_keys.get(product_key)?.get(device_key)?,
        };
        Some(known)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Arc<Device>> {
        self.by_asset.iter().map(|(_, known)| &known.device)
    }

    /// The device's model, if it has one.
    pub(super) fn model(&self, device: &Device) -> Option<&Model> {
        self.by_asset.get(&device.asset_id)?.model.as_deref()
    }
}

impl Model {
    pub(super) fn of(entry: &DeviceEntry) -> Result<Option<Self>, EntryError> {
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

    /// Refuses a service or measure point that the model does not have.
    pub(super) fn check_target(&self, family: Family, target: &str) -> Result<(), Fault> {
        let missing = match family {
            Family::Invoke => self.services.as_ref().is_some_and(|services| !services.contains_key(target)),
            Family::Write => self.measurepoints.as_ref().is_some_and(|points| !points.contains(target)),
        };
        if missing {
            return Err(Fault::new(Code::TARGET_MISSING, family.table().target_field, "the device does not have it"));
        }
        Ok(())
    }

    /// The name of a service, where the model gives one.
    pub(super) fn service_name(&self, service_id: &str) -> Option<&Arc<str>> {
        self.services.as_ref()?.get(service_id)?.as_ref()
    }
}

pub(super) fn check_id(id: &str, what: &str) -> Result<(), String> {
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

/// Checks an id that becomes part of a topic.
pub(super) fn check_topic_id(id: &str, what: &str) -> Result<(), String> {
    check_id(id, what)?;
    if id.contains(['+', '#', '/']) || id.starts_with('$') {
        return Err(format!(
            "{id:?} cannot be part of an MQTT topic: {what} holds no '+', '#' or '/' and does not start with '$'"
        ));
    }
    Ok(())
}

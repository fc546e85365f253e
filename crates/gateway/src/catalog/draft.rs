//! The catalog while it is written.

use std::{
    collections::{HashMap, HashSet},
    ops::Deref,
    sync::Arc,
};

use setpoint::{Device, DeviceRef, Directory, Family};

use super::{
    DeviceEntry,
    change::{Change, ChannelCommand},
    channels::{ChannelError, check_channel_id, family_of},
    devices::{EntryError, Known, Model, check_id, check_topic_id},
    snapshot::Snapshot,
};

/// A snapshot that is being changed, and what has to be known of all orgs to change it.
///
/// It reads as a [`Snapshot`]. Every change moves the version on by one; a refused one leaves nothing behind.
#[derive(Debug)]
pub(crate) struct Draft {
    snapshot: Snapshot,
    /// Product keys with their device keys, of all orgs: a topic names a device without its org.
    device_keys: HashMap<Arc<str>, HashSet<Arc<str>>>,
    /// Many devices have the same model; each is kept once.
    models: HashSet<Arc<Model>>,
    /// Of all orgs: the id of a channel is also the name of an MQTT topic.
    channel_ids: HashSet<Arc<str>>,
    /// Most channels of one family in one org.
    channels_per_org: usize,
}

impl Draft {
    /// Nothing yet; at most so many channels of one family in one org.
    pub(crate) fn new(channels_per_org: usize) -> Self {
        Self {
            snapshot: Snapshot::default(),
            device_keys: HashMap::new(),
            models: HashSet::new(),
            channel_ids: HashSet::new(),
            channels_per_org,
        }
    }

    pub(crate) fn snapshot(&self) -> &Snapshot {
        &self.snapshot
    }

    /// Makes the org exist; one that does already is left as it is.
    pub(crate) fn add_org(&mut self, org_id: &str) -> Result<Change, String> {
        check_id(org_id, "an org id")?;
        self.snapshot.org_mut(org_id);
        Ok(self.changed(Change::Org { org_id: org_id.into() }))
    }

    /// Adds a device, and its org if that is new.
    pub(crate) fn add_device(&mut self, entry: &DeviceEntry) -> Result<Change, EntryError> {
        check_id(&entry.org_id, "an org id").map_err(|problem| EntryError::new("orgId", problem))?;
        check_topic_id(&entry.product_key, "a product key").map_err(|p| EntryError::new("productKey", p))?;
        check_topic_id(&entry.device_key, "a device key").map_err(|p| EntryError::new("deviceKey", p))?;
        check_id(&entry.asset_id, "an asset id").map_err(|problem| EntryError::new("assetId", problem))?;
        let model = Model::of(entry)?;
        let (product_key, device_key) = (entry.product_key.as_str(), entry.device_key.as_str());
        if self.device_keys.get(product_key).is_some_and(|keys| keys.contains(device_key)) {
            return Err(EntryError::new(
                "deviceKey",
                format!(
                    "the device {device_key:?} of product {product_key:?} is there already: product and device key \
                     together are unique over all orgs, because they name the device's topics"
                ),
            ));
        }
        if let Some(known) = self.snapshot.find(&entry.org_id, DeviceRef::Asset(&entry.asset_id)) {
            return Err(EntryError::new(
                "assetId",
                format!(
                    "{:?} is already the asset id of the device {:?} of product {:?}: asset ids are unique within an org",
                    entry.asset_id, known.device.device_key, known.device.product_key
                ),
            ));
        }
        let mut device = Device::new(product_key, device_key, &entry.asset_id);
        device.deduplicates = entry.deduplicates;
        let model = model.map(|model| self.shared(model));
        self.snapshot.add_device(&entry.org_id, Known { device: Arc::new(device), model });
        self.device_keys.entry(product_key.into()).or_default().insert(device_key.into());
        let (org_id, asset_id) = (entry.org_id.as_str().into(), entry.asset_id.as_str().into());
        Ok(self.changed(Change::Device { org_id, asset_id }))
    }

    /// Creates, updates or deletes a channel. This is the one place that does.
    pub(crate) fn change_channel(&mut self, command: &ChannelCommand) -> Result<Change, ChannelError> {
        match command {
            ChannelCommand::Create { org_id, family, id, desc } => {
                if !self.has_org(org_id) {
                    return Err(ChannelError::UnknownOrg(org_id.clone()));
                }
                self.create_channel(org_id, *family, id, desc.as_deref())
            }
            ChannelCommand::Update { org_id, family, id, desc } => {
                self.update_channel(org_id, *family, id, desc.as_deref())
            }
            ChannelCommand::Delete { org_id, family, id, .. } => self.delete_channel(org_id, *family, id),
        }
    }

    /// Makes a channel what a store says that it was. Its org need not exist: a device list may have lost it.
    pub(crate) fn restore_channel(
        &mut self,
        org_id: &str,
        id: &str,
        desc: Option<&str>,
    ) -> Result<Change, ChannelError> {
        let family = known_family(id)?;
        match self.snapshot.channel(org_id, family, id) {
            Some(_) => self.update_channel(org_id, family, id, desc),
            None => self.create_channel(org_id, family, id, desc),
        }
    }

    /// Deletes a channel of which a store says that it was deleted.
    pub(crate) fn restore_deletion(&mut self, org_id: &str, id: &str) -> Result<Change, ChannelError> {
        self.delete_channel(org_id, known_family(id)?, id)
    }

    fn create_channel(
        &mut self,
        org_id: &str,
        family: Family,
        id: &str,
        desc: Option<&str>,
    ) -> Result<Change, ChannelError> {
        check_channel_id(family, id)?;
        if self.channel_ids.contains(id) {
            return Err(ChannelError::Exists);
        }
        if self.snapshot.channels(org_id, family).len() >= self.channels_per_org {
            return Err(ChannelError::Limit(self.channels_per_org));
        }
        let (id, desc): (Arc<str>, Option<Arc<str>>) = (id.into(), desc.map(Arc::from));
        self.channel_ids.insert(Arc::clone(&id));
        self.snapshot.set_channel(org_id, family, &id, desc.clone());
        Ok(self.changed(Change::ChannelCreated { org_id: org_id.into(), channel_id: id, desc }))
    }

    fn update_channel(
        &mut self,
        org_id: &str,
        family: Family,
        id: &str,
        desc: Option<&str>,
    ) -> Result<Change, ChannelError> {
        let id = Arc::clone(&self.snapshot.channel(org_id, family, id).ok_or(ChannelError::Missing)?.id);
        let desc: Option<Arc<str>> = desc.map(Arc::from);
        self.snapshot.set_channel(org_id, family, &id, desc.clone());
        Ok(self.changed(Change::ChannelUpdated { org_id: org_id.into(), channel_id: id, desc }))
    }

    fn delete_channel(&mut self, org_id: &str, family: Family, id: &str) -> Result<Change, ChannelError> {
        let channel = self.snapshot.remove_channel(org_id, family, id).ok_or(ChannelError::Missing)?;
        self.channel_ids.remove(&channel.id);
        Ok(self.changed(Change::ChannelDeleted { org_id: org_id.into(), channel_id: channel.id }))
    }

    fn shared(&mut self, model: Model) -> Arc<Model> {
        if let Some(known) = self.models.get(&model) {
            return Arc::clone(known);
        }
        let model = Arc::new(model);
        self.models.insert(Arc::clone(&model));
        model
    }

    fn changed(&mut self, change: Change) -> Change {
        self.snapshot.advance();
        change
    }
}

impl Deref for Draft {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.snapshot
    }
}

fn known_family(channel_id: &str) -> Result<Family, ChannelError> {
    family_of(channel_id).ok_or_else(|| ChannelError::Illegal(format!("{channel_id:?} has no known prefix")))
}

#[cfg(test)]
mod tests {
    use setpoint::{Code, DeviceRef};

    use super::*;
    use crate::catalog::ServiceEntry;

    fn keys<'a>(product_key: &'a str, device_key: &'a str) -> DeviceRef<'a> {
        DeviceRef::Keys { product_key, device_key }
    }

    #[test]
    fn a_device_is_found_by_either_name_in_its_own_org_only() {
        let mut draft = Draft::new(10);
        draft.add_device(&DeviceEntry::new("o1", "p", "d", "a")).unwrap();
        draft.add_org("o2").unwrap();
        assert_eq!(&*draft.device("o1", DeviceRef::Asset("a")).unwrap().device_key, "d");
        assert_eq!(&*draft.device("o1", keys("p", "d")).unwrap().asset_id, "a");
        for org in ["o2", "o3", "O1"] {
            assert_eq!(draft.device(org, DeviceRef::Asset("a")), None);
            assert_eq!(draft.device(org, keys("p", "d")), None);
        }
        assert_eq!(draft.device_count(), 1);
    }

    #[test]
    fn keys_are_unique_over_all_orgs_and_asset_ids_within_one() {
        let mut draft = Draft::new(10);
        draft.add_device(&DeviceEntry::new("o1", "p", "d", "a")).unwrap();
        assert_eq!(draft.add_device(&DeviceEntry::new("o2", "p", "d", "b")).unwrap_err().column, "deviceKey");
        assert_eq!(draft.add_device(&DeviceEntry::new("o1", "p", "e", "a")).unwrap_err().column, "assetId");
        draft.add_device(&DeviceEntry::new("o2", "p", "e", "a")).unwrap();
        assert!(draft.has_org("o2"));
    }

    #[test]
    fn what_cannot_be_part_of_a_topic_is_refused() {
        let mut draft = Draft::new(10);
        for key in ["", "a/b", "+", "#", "$SYS", "a\0b", "a\nb", &"x".repeat(129)] {
            assert_eq!(
                draft.add_device(&DeviceEntry::new("o1", key, "d", "a")).unwrap_err().column,
                "productKey",
                "{key:?}"
            );
            assert_eq!(
                draft.add_device(&DeviceEntry::new("o1", "p", key, "a")).unwrap_err().column,
                "deviceKey",
                "{key:?}"
            );
        }
        assert!(!draft.has_org("o1"), "a refused device leaves nothing behind");
    }

    #[test]
    fn a_list_refuses_what_it_does_not_name_and_no_list_refuses_nothing() {
        let mut draft = Draft::new(10);
        let mut entry = DeviceEntry::new("o1", "p", "d", "a");
        entry.services = Some(vec![
            ServiceEntry::Id("start".into()),
            ServiceEntry::Named { id: "stop".into(), name: "Stop the turbine".into() },
        ]);
        draft.add_device(&entry).unwrap();
        let device = draft.device("o1", DeviceRef::Asset("a")).unwrap();
        assert_eq!(draft.target("o1", &device, Family::Invoke, "start", None), Ok(()));
        let fault = draft.target("o1", &device, Family::Invoke, "explode", None).unwrap_err();
        assert_eq!((fault.code, fault.field), (Code::TARGET_MISSING, "serviceId"));
        assert_eq!(draft.target("o1", &device, Family::Write, "anything", None), Ok(()));
        assert_eq!(draft.service_name("o1", &device, "stop").as_deref(), Some("Stop the turbine"));
        assert_eq!(draft.service_name("o1", &device, "start"), None);
    }

    #[test]
    fn equal_models_are_kept_once() {
        let mut draft = Draft::new(10);
        for n in 0..10 {
            let mut entry = DeviceEntry::new("o1", "p", format!("d{n}"), format!("a{n}"));
            entry.measurepoints = Some(vec!["speed".into()]);
            draft.add_device(&entry).unwrap();
        }
        assert_eq!(draft.models.len(), 1);
    }

    const OPS: &str = "DATASVC.CONTROL.ops";

    fn with_orgs(limit: usize) -> Draft {
        let mut draft = Draft::new(limit);
        for org in ["o1", "o2"] {
            draft.add_org(org).unwrap();
        }
        draft
    }

    fn create(draft: &mut Draft, org_id: &str, family: Family, id: &str) -> Result<Change, ChannelError> {
        let (org_id, id) = (org_id.to_owned(), id.to_owned());
        draft.change_channel(&ChannelCommand::Create { org_id, family, id, desc: None })
    }

    fn update(draft: &mut Draft, org_id: &str, id: &str) -> Result<Change, ChannelError> {
        let (org_id, id) = (org_id.to_owned(), id.to_owned());
        draft.change_channel(&ChannelCommand::Update { org_id, family: Family::Invoke, id, desc: None })
    }

    fn delete(draft: &mut Draft, org_id: &str, id: &str) -> Result<Change, ChannelError> {
        let (org_id, id) = (org_id.to_owned(), id.to_owned());
        draft.change_channel(&ChannelCommand::Delete { org_id, family: Family::Invoke, id, force: false })
    }

    #[test]
    fn a_channel_id_is_taken_for_everyone_and_seen_by_its_org_alone() {
        let mut draft = with_orgs(10);
        create(&mut draft, "o1", Family::Invoke, OPS).unwrap();
        assert_eq!(create(&mut draft, "o1", Family::Invoke, OPS), Err(ChannelError::Exists));
        assert_eq!(create(&mut draft, "o2", Family::Invoke, OPS), Err(ChannelError::Exists));
        assert!(draft.channel("o2", Family::Invoke, OPS).is_none());
        assert!(draft.channel("o1", Family::Write, OPS).is_none());
        assert_eq!(update(&mut draft, "o2", OPS), Err(ChannelError::Missing));
        assert_eq!(delete(&mut draft, "o2", OPS), Err(ChannelError::Missing));
        assert_eq!(draft.channels("o2", Family::Invoke).len(), 0);
        delete(&mut draft, "o1", OPS).unwrap();
        create(&mut draft, "o2", Family::Invoke, OPS).unwrap();
    }

    #[test]
    fn a_channel_is_created_in_an_org_that_exists() {
        let mut draft = with_orgs(10);
        let refused = create(&mut draft, "o3", Family::Invoke, OPS);
        assert_eq!(refused, Err(ChannelError::UnknownOrg("o3".to_owned())));
        assert!(create(&mut draft, "o1", Family::Write, OPS).is_err(), "the prefix is that of another family");
    }

    #[test]
    fn an_org_has_a_bounded_number_of_each_family() {
        let mut draft = with_orgs(2);
        for n in 0..2 {
            create(&mut draft, "o1", Family::Invoke, &format!("{OPS}{n}")).unwrap();
        }
        assert_eq!(create(&mut draft, "o1", Family::Invoke, OPS), Err(ChannelError::Limit(2)));
        create(&mut draft, "o1", Family::Write, "DATASVC.SET.a").unwrap();
        create(&mut draft, "o2", Family::Invoke, OPS).unwrap();
    }

    #[test]
    fn what_a_store_has_kept_rebuilds_the_channels() {
        let mut draft = Draft::new(10);
        draft.restore_channel("o1", OPS, Some("one")).unwrap();
        draft.restore_channel("o1", "DATASVC.SET.a", Some("gone")).unwrap();
        draft.restore_deletion("o1", "DATASVC.SET.a").unwrap();
        draft.restore_channel("o1", OPS, Some("two")).unwrap();
        assert_eq!(draft.channel("o1", Family::Invoke, OPS).unwrap().desc.as_deref(), Some("two"));
        assert_eq!(draft.channels("o1", Family::Write).len(), 0);
        assert!(draft.restore_channel("o1", "unheard.of", None).is_err());
        assert!(!draft.has_org("o1"), "the org is not stored");
    }
}

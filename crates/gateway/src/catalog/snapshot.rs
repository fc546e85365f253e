//! The catalog at one moment.

use std::{collections::BTreeMap, sync::Arc};

use setpoint::{Device, DeviceRef, Directory, Family, Fault, json::Payload};

use super::{
    channels::{Channel, OrgChannels},
    devices::{Known, OrgDevices},
    shared_map::SharedMap,
};

/// Every org, device and channel at one moment. Every lookup is by org and id, never by id alone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Snapshot {
    version: u64,
    orgs: SharedMap<Arc<OrgDevices>>,
    /// Apart from `orgs`: channels are stored and orgs are not, so an org may be missing while its channels are kept.
    channels: SharedMap<Arc<OrgChannels>>,
    device_count: usize,
}

impl Snapshot {
    /// How many changes were made before it: later snapshots have greater versions.
    pub(crate) fn version(&self) -> u64 {
        self.version
    }

    /// How many devices there are.
    pub(crate) fn device_count(&self) -> usize {
        self.device_count
    }

    /// Every device with its org, in no particular order.
    pub(crate) fn devices(&self) -> impl Iterator<Item = (&str, &Arc<Device>)> {
        self.orgs.iter().flat_map(|(org, devices)| devices.iter().map(move |device| (&**org, device)))
    }

    /// The org's channel of this family and id.
    pub(crate) fn channel(&self, org_id: &str, family: Family, id: &str) -> Option<&Channel> {
        self.channels.get(org_id)?.of(family).get(id)
    }

    /// The org's channels of a family in the order of their ids.
    pub(crate) fn channels(&self, org_id: &str, family: Family) -> impl ExactSizeIterator<Item = &Channel> {
        static NONE: BTreeMap<Arc<str>, Channel> = BTreeMap::new();
        self.channels.get(org_id).map_or(&NONE, |channels| channels.of(family)).values()
    }

    /// The version in which a channel of the org was last deleted; 0 if none ever was.
    pub(crate) fn last_deletion(&self, org_id: &str) -> u64 {
        self.channels.get(org_id).map_or(0, |channels| channels.last_deletion)
    }

    /// Every channel with its org, in no particular order.
    pub(crate) fn all_channels(&self) -> impl Iterator<Item = (&Arc<str>, &Channel)> {
        self.channels.iter().flat_map(|(org, channels)| {
            Family::ALL.into_iter().flat_map(move |family| channels.of(family).values().map(move |one| (org, one)))
        })
    }

    pub(super) fn find(&self, org_id: &str, device: DeviceRef<'_>) -> Option<&Known> {
        self.orgs.get(org_id)?.find(device)
    }

    pub(super) fn advance(&mut self) {
        self.version += 1;
    }

    /// The org, which exists from now on.
    pub(super) fn org_mut(&mut self, org_id: &str) -> &mut OrgDevices {
        Arc::make_mut(self.orgs.entry(org_id))
    }

    pub(super) fn add_device(&mut self, org_id: &str, known: Known) {
        self.org_mut(org_id).add(known);
        self.device_count += 1;
    }

    pub(super) fn set_channel(&mut self, org_id: &str, family: Family, id: &Arc<str>, desc: Option<Arc<str>>) {
        let channels = Arc::make_mut(self.channels.entry(org_id));
        channels.of_mut(family).insert(Arc::clone(id), Channel { id: Arc::clone(id), desc });
    }

    pub(super) fn remove_channel(&mut self, org_id: &str, family: Family, id: &str) -> Option<Channel> {
        // Nothing is copied for a channel that is not there.
        self.channel(org_id, family, id)?;
        // The change is counted after it was made.
        let version = self.version + 1;
        let channels = Arc::make_mut(self.channels.get_mut(org_id)?);
        channels.last_deletion = version;
        channels.of_mut(family).remove(id)
    }
}

impl Directory for Snapshot {
    fn has_org(&self, org_id: &str) -> bool {
        self.orgs.get(org_id).is_some()
    }

    fn has_channel(&self, org_id: &str, family: Family, channel_id: &str) -> bool {
        self.channel(org_id, family, channel_id).is_some()
    }

    fn device(&self, org_id: &str, device: DeviceRef<'_>) -> Option<Arc<Device>> {
        self.find(org_id, device).map(|known| Arc::clone(&known.device))
    }

    fn target(
        &self,
        org_id: &str,
        device: &Device,
        family: Family,
        target: &str,
        _input: Option<Payload<'_>>,
    ) -> Result<(), Fault> {
        let model = self.orgs.get(org_id).and_then(|org| org.model(device));
        model.map_or(Ok(()), |model| model.check_target(family, target))
    }

    fn service_name(&self, org_id: &str, device: &Device, service_id: &str) -> Option<Arc<str>> {
        self.orgs.get(org_id)?.model(device)?.service_name(service_id).cloned()
    }
}

//! Counts items in flight per org and per device, and remembers request ids (de-duplication).

use std::{
    collections::{HashMap, VecDeque},
    hash::{Hash, Hasher},
    sync::Arc,
};

use crate::{Device, Family, MessageId, MonotonicTime, secret::KeyedHash};

use super::StoredCommand;

/// The tables of all orgs. The responder holds their bounds.
#[derive(Debug)]
pub(super) struct Orgs {
    hash: KeyedHash,
    orgs: HashMap<Arc<str>, Org, KeyedHash>,
    /// Items in flight per device.
    devices: HashMap<DeviceKey, usize, KeyedHash>,
    /// Request ids remembered, of all orgs.
    n_remembered: usize,
    /// Remembered ids in the order of their acceptance: each may be forgotten at its time, and not before those ahead of it.
    expiry: VecDeque<(MonotonicTime, StoredKey)>,
}

/// A device by its content. Mostly it is the very same: a directory shares its devices.
#[derive(Debug)]
struct DeviceKey(Arc<Device>);

impl PartialEq for DeviceKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0 == other.0
    }
}

impl Eq for DeviceKey {}

impl Hash for DeviceKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        // Each write counts its length, so that no text can end in another's place.
        state.write(self.0.device_key.as_bytes());
        state.write(self.0.asset_id.as_bytes());
        state.write(self.0.product_key.as_bytes());
    }
}

#[derive(Debug)]
struct Org {
    /// Items in flight.
    pending: usize,
    /// By family, then by request id.
    remembered: [HashMap<Arc<str>, Remembered, KeyedHash>; 2],
}

/// Where a remembered id stands in the tables.
#[derive(Debug)]
struct StoredKey {
    org_id: Arc<str>,
    family: Family,
    request_id: Arc<str>,
    /// The item: another one may have the same request id after it.
    message_id: MessageId,
}

/// What is kept of an accepted item to answer a repetition, which brings the rest with it: its content is equal.
#[derive(Debug, Clone)]
pub(super) struct Remembered {
    pub(super) message_id: MessageId,
    pub(super) fingerprint: u128,
    pub(super) device: Arc<Device>,
    pub(super) service_name: Option<Arc<str>>,
    pub(super) gmt_service_request: i64,
    pub(super) accepted_at_epoch_ms: i64,
}

impl Org {
    fn n_remembered(&self) -> usize {
        self.remembered.iter().map(HashMap::len).sum()
    }
}

impl Orgs {
    pub(super) fn new(hash: KeyedHash) -> Self {
        Self {
            hash,
            orgs: HashMap::with_hasher(hash),
            devices: HashMap::with_hasher(hash),
            n_remembered: 0,
            expiry: VecDeque::new(),
        }
    }

    /// The org's id, shared with the tables if it is in them.
    pub(super) fn intern(&self, org_id: &str) -> Arc<str> {
        self.orgs.get_key_value(org_id).map_or_else(|| org_id.into(), |(id, _)| Arc::clone(id))
    }

    pub(super) fn pending(&self, org_id: &str) -> usize {
        self.orgs.get(org_id).map_or(0, |org| org.pending)
    }

    pub(super) fn pending_of_device(&self, device: &Arc<Device>) -> usize {
        self.devices.get(&DeviceKey(Arc::clone(device))).copied().unwrap_or(0)
    }

    pub(super) fn remembered(&self, org_id: &str, family: Family, request_id: &str) -> Option<&Remembered> {
        self.orgs.get(org_id)?.remembered[family as usize].get(request_id)
    }

    pub(super) fn n_remembered_of(&self, org_id: &str) -> usize {
        self.orgs.get(org_id).map_or(0, Org::n_remembered)
    }

    pub(super) fn n_remembered(&self) -> usize {
        self.n_remembered
    }

    /// Counts the command as in flight.
    pub(super) fn begin(&mut self, command: &StoredCommand) {
        self.org(&command.org_id).pending += 1;
        *self.devices.entry(DeviceKey(Arc::clone(&command.device))).or_default() += 1;
    }

    /// Counts the command as ended.
    pub(super) fn end(&mut self, command: &StoredCommand) {
        if let Some(org) = self.orgs.get_mut(&command.org_id) {
            org.pending = org.pending.saturating_sub(1);
        }
        let device = DeviceKey(Arc::clone(&command.device));
        if let Some(pending) = self.devices.get_mut(&device) {
            *pending = pending.saturating_sub(1);
            if *pending == 0 {
                self.devices.remove(&device);
            }
        }
    }

    /// Remembers the command's request id until `until`.
    pub(super) fn remember(&mut self, command: &StoredCommand, until: MonotonicTime) {
        let remembered = Remembered {
            message_id: command.message_id,
            fingerprint: command.fingerprint,
            device: Arc::clone(&command.device),
            service_name: command.service_name.clone(),
            gmt_service_request: command.gmt_service_request,
            accepted_at_epoch_ms: command.accepted_at_epoch_ms,
        };
        let request_id = Arc::clone(&command.request_id);
        let earlier = self.org(&command.org_id).remembered[command.family as usize].insert(request_id, remembered);
        self.n_remembered += usize::from(earlier.is_none());
        self.expiry.push_back((
            until,
            StoredKey {
                org_id: Arc::clone(&command.org_id),
                family: command.family,
                request_id: Arc::clone(&command.request_id),
                message_id: command.message_id,
            },
        ));
    }

    /// Forgets the ids whose time has come, but none whose item `is_open`: its time is `later`.
    pub(super) fn forget(&mut self, now: MonotonicTime, later: MonotonicTime, is_open: impl Fn(MessageId) -> bool) {
        // Each is looked at once at most: at the end of time, `later` is no later than `now`.
        for _ in 0..self.expiry.len() {
            let Some((until, key)) = self.expiry.pop_front() else { return };
            if until > now {
                return self.expiry.push_front((until, key));
            }
            let Some(org) = self.orgs.get_mut(&key.org_id) else { continue };
            let remembered = &mut org.remembered[key.family as usize];
            // A store may have replayed an earlier item with the same id: the later one is not forgotten with it.
            let is_same = |remembered: &Remembered| remembered.message_id == key.message_id;
            if remembered.get(&key.request_id).is_some_and(is_same) {
                if is_open(key.message_id) {
                    self.expiry.push_back((later, key));
                    continue;
                }
                remembered.remove(&key.request_id);
                self.n_remembered -= 1;
            }
            if org.pending == 0 && org.remembered.iter().all(HashMap::is_empty) {
                self.orgs.remove(&key.org_id);
            }
        }
    }

    fn org(&mut self, org_id: &Arc<str>) -> &mut Org {
        let hash = self.hash;
        let empty = || HashMap::with_hasher(hash);
        self.orgs.entry(Arc::clone(org_id)).or_insert_with(|| Org { pending: 0, remembered: [empty(), empty()] })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::secret::Secret;

    fn command(org_id: &str) -> StoredCommand {
        StoredCommand {
            message_id: MessageId::from_bits(1),
            family: Family::Invoke,
            org_id: org_id.into(),
            request_id: "r1".into(),
            channel_id: "DATASVC.CONTROL.c".into(),
            device: Arc::new(Device::new("p", "d", "a")),
            service_name: None,
            target: "s".into(),
            callback_url: None,
            input: None,
            timeout_ms: 1_000,
            gmt_service_request: 0,
            accepted_at_epoch_ms: 0,
            remember_until_epoch_ms: 0,
            fingerprint: 0,
        }
    }

    #[test]
    fn an_org_and_a_device_of_which_nothing_is_left_leave_nothing_behind() {
        let mut orgs = Orgs::new(Secret::new([0; 32]).keyed_hash());
        let (ended, pending) = (command("o1"), command("o2"));
        for command in [&ended, &pending] {
            orgs.begin(command);
            orgs.remember(command, MonotonicTime::from_millis(10));
        }
        orgs.end(&ended);
        orgs.forget(MonotonicTime::from_millis(10), MonotonicTime::from_millis(20), |_| false);
        assert_eq!(orgs.orgs.keys().map(|id| &**id).collect::<Vec<_>>(), ["o2"]);
        assert_eq!((orgs.pending("o1"), orgs.pending("o2"), orgs.expiry.len()), (0, 1, 0));
        orgs.end(&pending);
        assert_eq!(orgs.devices.len(), 0);
    }
}

//! Channels: their names, whose they are, and their logs.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::Arc,
};

use setpoint::{Code, Family, limits::MAX_CHANNEL_ID_BYTES};

use crate::{
    events::{ChannelLog, Logs},
    store::ChannelRecord,
};

/// One channel of one org.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: Arc<str>,
    pub(crate) desc: Option<Arc<str>>,
    /// What its event streams read.
    pub(crate) log: Arc<ChannelLog>,
}

/// Every channel of every org. An id is also the name of an MQTT topic, so it is unique over all orgs.
#[derive(Debug)]
pub(crate) struct Channels {
    by_org: HashMap<Arc<str>, OrgChannels>,
    taken: HashSet<Arc<str>>,
    limit: usize,
    logs: Logs,
}

#[derive(Debug, Default)]
struct OrgChannels {
    invoke: BTreeMap<Arc<str>, Channel>,
    write: BTreeMap<Arc<str>, Channel>,
}

/// Why a channel call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelError {
    /// The id is not well formed for the family.
    #[error("{0}")]
    Illegal(String),
    /// The id is taken.
    #[error("choose another id: it is also the name of the topic, so it is unique in the whole service")]
    Exists,
    /// The org has no such channel.
    #[error("the org has no such channel")]
    Missing,
    /// The org has as many as it may.
    #[error("the org has {0} already, which is as many as it may have")]
    Limit(usize),
    /// Items are in flight on it.
    #[error("{0} accepted items are not yet published on it: wait for them, or delete it with force=true")]
    InUse(usize),
    /// An update would change more than the description.
    #[error("the id cannot be changed: create a channel of the new id and delete this one")]
    Rename,
    /// What is to be saved is not usable.
    #[error("{0}")]
    Save(String),
    /// What is asked for is not usable.
    #[error("{0}")]
    Query(String),
}

impl ChannelError {
    /// The code that the family's channel calls answer with.
    pub(crate) fn code(&self, family: Family) -> Code {
        let table = family.table();
        match self {
            Self::Illegal(_) => table.channel_illegal,
            Self::Exists => table.channel_exists,
            Self::Missing => table.channel_missing,
            Self::Limit(_) => table.channel_limit,
            Self::InUse(_) => table.channel_delete,
            Self::Rename => table.channel_update,
            Self::Save(_) => table.channel_save,
            Self::Query(_) => table.channel_query,
        }
    }
}

/// The family whose channel ids start as this one does.
pub(crate) fn family_of(channel_id: &str) -> Option<Family> {
    Family::ALL.into_iter().find(|family| channel_id.starts_with(family.table().channel_prefix))
}

/// Refuses an id that no channel of the family can have.
pub(crate) fn check_channel_id(family: Family, id: &str) -> Result<(), ChannelError> {
    let prefix = family.table().channel_prefix;
    let illegal = |reason: String| Err(ChannelError::Illegal(reason));
    if id.len() > MAX_CHANNEL_ID_BYTES {
        return illegal(format!("the id is {} bytes long: at most {MAX_CHANNEL_ID_BYTES}", id.len()));
    }
    if !id.starts_with(prefix) || id.len() == prefix.len() {
        return illegal(format!("the id must start with {prefix} and go on for at least one character"));
    }
    if !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_.-".contains(&byte)) {
        return illegal("the id may hold letters, digits, '_', '.' and '-' only".to_owned());
    }
    Ok(())
}

impl Channels {
    /// No channels yet; at most `limit` of a family in an org.
    pub(crate) fn new(limit: usize, logs: Logs) -> Self {
        Self { by_org: HashMap::new(), taken: HashSet::new(), limit, logs }
    }

    /// The org's channel of this family and id.
    pub(crate) fn get(&self, org_id: &str, family: Family, id: &str) -> Option<&Channel> {
        self.by_org.get(org_id)?.of(family).get(id)
    }

    /// The org's channels of a family in the order of their ids.
    pub(crate) fn list(&self, org_id: &str, family: Family) -> impl ExactSizeIterator<Item = &Channel> {
        static NONE: BTreeMap<Arc<str>, Channel> = BTreeMap::new();
        self.by_org.get(org_id).map_or(&NONE, |org| org.of(family)).values()
    }

    /// Creates a channel.
    pub(crate) fn create(
        &mut self,
        org_id: &str,
        family: Family,
        id: &str,
        desc: Option<&str>,
    ) -> Result<Channel, ChannelError> {
        check_channel_id(family, id)?;
        if self.taken.contains(id) {
            return Err(ChannelError::Exists);
        }
        if self.list(org_id, family).len() >= self.limit {
            return Err(ChannelError::Limit(self.limit));
        }
        let id: Arc<str> = id.into();
        let channel = Channel { id: Arc::clone(&id), desc: desc.map(Arc::from), log: self.logs.open() };
        self.taken.insert(Arc::clone(&id));
        self.by_org.entry(org_id.into()).or_default().of_mut(family).insert(id, channel.clone());
        Ok(channel)
    }

    /// Changes the description of a channel.
    pub(crate) fn update(
        &mut self,
        org_id: &str,
        family: Family,
        id: &str,
        desc: Option<&str>,
    ) -> Result<Channel, ChannelError> {
        let org = self.by_org.get_mut(org_id).ok_or(ChannelError::Missing)?;
        let channel = org.of_mut(family).get_mut(id).ok_or(ChannelError::Missing)?;
        channel.desc = desc.map(Arc::from);
        Ok(channel.clone())
    }

    /// Removes a channel and ends its event streams.
    pub(crate) fn delete(&mut self, org_id: &str, family: Family, id: &str) -> Result<(), ChannelError> {
        let org = self.by_org.get_mut(org_id).ok_or(ChannelError::Missing)?;
        let channel = org.of_mut(family).remove(id).ok_or(ChannelError::Missing)?;
        self.taken.remove(id);
        channel.log.close();
        Ok(())
    }

    /// Takes in one record of the store.
    pub(crate) fn restore(&mut self, record: &ChannelRecord) -> Result<(), ChannelError> {
        let family = family_of(record.channel_id())
            .ok_or_else(|| ChannelError::Illegal(format!("{:?} has no known prefix", record.channel_id())))?;
        match record {
            ChannelRecord::Saved { org_id, channel_id, desc } => {
                let desc = desc.as_deref();
                match self.get(org_id, family, channel_id) {
                    Some(_) => self.update(org_id, family, channel_id, desc).map(drop),
                    None => self.create(org_id, family, channel_id, desc).map(drop),
                }
            }
            ChannelRecord::Deleted { org_id, channel_id } => self.delete(org_id, family, channel_id),
        }
    }
}

impl OrgChannels {
    fn of(&self, family: Family) -> &BTreeMap<Arc<str>, Channel> {
        match family {
            Family::Invoke => &self.invoke,
            Family::Write => &self.write,
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut BTreeMap<Arc<str>, Channel> {
        match family {
            Family::Invoke => &mut self.invoke,
            Family::Write => &mut self.write,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPS: &str = "DATASVC.CONTROL.ops";

    fn channels(limit: usize) -> Channels {
        Channels::new(limit, Logs::for_tests())
    }

    #[test]
    fn an_id_has_its_familys_prefix_and_a_short_plain_rest() {
        for family in Family::ALL {
            let prefix = family.table().channel_prefix;
            let longest = format!("{prefix}{}", "x".repeat(MAX_CHANNEL_ID_BYTES - prefix.len()));
            for good in [format!("{prefix}a"), format!("{prefix}A-z_0.9"), longest.clone()] {
                assert_eq!(check_channel_id(family, &good), Ok(()), "{good}");
                assert_eq!(family_of(&good), Some(family));
            }
            for bad in [prefix, "", "ops", "datasvc.control.a", &format!("{longest}x")] {
                assert!(check_channel_id(family, bad).is_err(), "{bad}");
            }
            for bad in ["a/b", "a b", "+", "#", "ü", "a\0"] {
                assert!(check_channel_id(family, &format!("{prefix}{bad}")).is_err(), "{bad:?}");
            }
        }
        assert!(check_channel_id(Family::Invoke, "DATASVC.SET.a").is_err());
    }

    #[test]
    fn an_id_is_taken_for_everyone_and_seen_by_its_org_alone() {
        let mut channels = channels(10);
        channels.create("o1", Family::Invoke, OPS, Some("operations")).unwrap();
        assert_eq!(channels.create("o1", Family::Invoke, OPS, None).unwrap_err(), ChannelError::Exists);
        assert_eq!(channels.create("o2", Family::Invoke, OPS, None).unwrap_err(), ChannelError::Exists);
        assert!(channels.get("o2", Family::Invoke, OPS).is_none());
        assert!(channels.get("o1", Family::Write, OPS).is_none());
        assert_eq!(channels.update("o2", Family::Invoke, OPS, None).unwrap_err(), ChannelError::Missing);
        assert_eq!(channels.delete("o2", Family::Invoke, OPS).unwrap_err(), ChannelError::Missing);
        assert_eq!(channels.list("o2", Family::Invoke).len(), 0);
        channels.delete("o1", Family::Invoke, OPS).unwrap();
        channels.create("o2", Family::Invoke, OPS, None).unwrap();
    }

    #[test]
    fn an_org_has_a_bounded_number_of_each_family() {
        let mut channels = channels(2);
        for n in 0..2 {
            channels.create("o1", Family::Invoke, &format!("{OPS}{n}"), None).unwrap();
        }
        assert_eq!(channels.create("o1", Family::Invoke, OPS, None).unwrap_err(), ChannelError::Limit(2));
        channels.create("o1", Family::Write, "DATASVC.SET.a", None).unwrap();
        channels.create("o2", Family::Invoke, OPS, None).unwrap();
    }

    #[test]
    fn the_records_of_a_store_rebuild_the_channels() {
        let mut channels = channels(10);
        let saved = |id: &str, desc: &str| ChannelRecord::Saved {
            org_id: "o1".into(),
            channel_id: id.into(),
            desc: Some(desc.into()),
        };
        let deleted = |id: &str| ChannelRecord::Deleted { org_id: "o1".into(), channel_id: id.into() };
        for record in [saved(OPS, "one"), saved("DATASVC.SET.a", "gone"), deleted("DATASVC.SET.a"), saved(OPS, "two")] {
            channels.restore(&record).unwrap();
        }
        assert_eq!(channels.get("o1", Family::Invoke, OPS).unwrap().desc.as_deref(), Some("two"));
        assert_eq!(channels.list("o1", Family::Write).len(), 0);
        assert!(channels.restore(&saved("unheard.of", "")).is_err());
    }
}

//! The channels of an org: their names and descriptions.

use std::{collections::BTreeMap, sync::Arc};

use setpoint::{Code, Family, limits::MAX_CHANNEL_ID_BYTES};

/// One channel of one org.
#[derive(Debug, Clone)]
pub(crate) struct Channel {
    pub(crate) id: Arc<str>,
    pub(crate) desc: Option<Arc<str>>,
}

/// The channels of one org, each family's in the order of their ids.
#[derive(Debug, Clone, Default)]
pub(super) struct OrgChannels {
    /// The version of the catalog in which a channel was last deleted; 0 if none ever was.
    pub(super) last_deletion: u64,
    invoke: BTreeMap<Arc<str>, Channel>,
    write: BTreeMap<Arc<str>, Channel>,
}

impl OrgChannels {
    pub(super) fn of(&self, family: Family) -> &BTreeMap<Arc<str>, Channel> {
        match family {
            Family::Invoke => &self.invoke,
            Family::Write => &self.write,
        }
    }

    pub(super) fn of_mut(&mut self, family: Family) -> &mut BTreeMap<Arc<str>, Channel> {
        match family {
            Family::Invoke => &mut self.invoke,
            Family::Write => &mut self.write,
        }
    }
}

/// Why a channel call failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum ChannelError {
    /// There is no such org.
    #[error("the org {0:?} does not exist: add it first")]
    UnknownOrg(String),
    /// The id is not well formed for the family.
    #[error("{0}")]
    Illegal(String),
    /// The id is taken, by whichever org.
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
    /// An update would change the id.
    #[error("the id cannot be changed: create a channel of the new id and delete this one")]
    Rename,
    /// What is to be saved cannot be used.
    #[error("{0}")]
    Save(String),
    /// The query cannot be used.
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
            Self::Missing | Self::UnknownOrg(_) => table.channel_missing,
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

#[cfg(test)]
mod tests {
    use super::*;

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
}

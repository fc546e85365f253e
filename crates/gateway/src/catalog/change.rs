//! What can change, asked for and done.

use std::sync::Arc;

use setpoint::Family;

use super::{
    CatalogError,
    channels::{ChannelError, family_of},
};

/// A change that was made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Change {
    /// The org exists.
    Org { org_id: Arc<str> },
    /// The org has a further device.
    Device { org_id: Arc<str>, asset_id: Arc<str> },
    /// The org has a further channel.
    ChannelCreated { org_id: Arc<str>, channel_id: Arc<str>, desc: Option<Arc<str>> },
    /// The channel has another description.
    ChannelUpdated { org_id: Arc<str>, channel_id: Arc<str>, desc: Option<Arc<str>> },
    /// The channel is gone.
    ChannelDeleted { org_id: Arc<str>, channel_id: Arc<str> },
}

/// A change of a channel that somebody asks for.
#[derive(Debug, Clone)]
pub(crate) enum ChannelCommand {
    Create {
        org_id: String,
        family: Family,
        id: String,
        desc: Option<String>,
    },
    Update {
        org_id: String,
        family: Family,
        id: String,
        desc: Option<String>,
    },
    Delete {
        org_id: String,
        family: Family,
        id: String,
        /// Even if accepted items are not yet published on it.
        force: bool,
    },
}

impl ChannelCommand {
    /// The creation of a channel whose family follows from the prefix of its id.
    pub(crate) fn create(org_id: &str, id: &str, desc: Option<&str>) -> Result<Self, CatalogError> {
        let family = family_of(id).ok_or_else(|| {
            let problem = "the id must start with DATASVC.CONTROL. or DATASVC.SET.";
            CatalogError::new(format!("channel {id:?}"), problem)
        })?;
        Ok(Self::Create { org_id: org_id.to_owned(), family, id: id.to_owned(), desc: desc.map(str::to_owned) })
    }

    pub(crate) fn family(&self) -> Family {
        let (Self::Create { family, .. } | Self::Update { family, .. } | Self::Delete { family, .. }) = self;
        *family
    }

    /// What an error of this command is, told to somebody who sees no error code.
    pub(crate) fn failed(&self, error: ChannelError) -> CatalogError {
        let (Self::Create { id, .. } | Self::Update { id, .. } | Self::Delete { id, .. }) = self;
        let place = format!("channel {id:?}");
        match error {
            ChannelError::UnknownOrg(_) => CatalogError::new(place, error.to_string()),
            error => CatalogError::because(place, error.code(self.family()).msg(), error),
        }
    }
}

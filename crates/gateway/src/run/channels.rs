//! Changes of channels. They go through the run loop, which alone knows what is in flight on a channel, and in what order
//! a change stands to the batches around it.

use std::sync::Arc;

use setpoint_store::{AtomicWrite, ChannelRecord, Entry};
use tokio::sync::oneshot;

use super::{
    inputs::{ChannelRequest, SavedChannel},
    turn::RunLoop,
};
use crate::{
    catalog::{Change, ChannelCommand, ChannelError},
    store::{Confirm, QueuedWrite},
};

/// What is to be stored of a change, if anything.
pub(crate) fn channel_record(change: &Change) -> Option<ChannelRecord> {
    let text = |text: &Arc<str>| Box::<str>::from(&**text);
    match change {
        Change::ChannelCreated { org_id, channel_id, desc } | Change::ChannelUpdated { org_id, channel_id, desc } => {
            let (org_id, channel_id, desc) = (text(org_id), text(channel_id), desc.as_ref().map(text));
            Some(ChannelRecord::Saved { org_id, channel_id, desc })
        }
        Change::ChannelDeleted { org_id, channel_id } => {
            Some(ChannelRecord::Deleted { org_id: text(org_id), channel_id: text(channel_id) })
        }
        Change::Org { .. } | Change::Device { .. } => None,
    }
}

impl RunLoop {
    pub(super) fn channel(&self, request: ChannelRequest) {
        let saved = self.change(&request.command).map(|change| {
            let (confirm, stored) = oneshot::channel();
            let entries: Vec<_> = channel_record(&change).map(Entry::Channel).into_iter().collect();
            let content = AtomicWrite::from(entries);
            self.outputs.store.send(QueuedWrite { content, confirm: Confirm::Caller(confirm) });
            SavedChannel { change, stored }
        });
        // A caller that went away does not need to know.
        let _ = request.answer.send(saved);
    }

    fn change(&self, command: &ChannelCommand) -> Result<Change, ChannelError> {
        self.catalog.apply(|draft| {
            if let ChannelCommand::Delete { org_id, family, id, force } = command {
                draft.channel(org_id, *family, id).ok_or(ChannelError::Missing)?;
                let pending = self.responder.pending_on_channel(org_id, *family, id);
                if pending > 0 && !force {
                    return Err(ChannelError::InUse(pending));
                }
            }
            draft.change_channel(command)
        })
    }
}

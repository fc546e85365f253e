//! Starts everything, wires it together and ends it. It may use every room; no room uses it.

mod directory;
mod gateway;
mod outside;
mod restore;
mod start_error;

use std::sync::Arc;

pub use directory::DirectoryHandle;
pub use gateway::Gateway;
#[cfg(test)]
pub(crate) use restore::orgs_and_devices;
pub use start_error::StartError;

use crate::{
    catalog::{Catalog, Change, Draft},
    config::EventsConfig,
    feeds::{FeedLimits, Feeds},
};

/// Publishes the catalog, and has the feeds follow it: every channel has one.
pub(crate) fn catalog_with_feeds(draft: Draft, run_id: Arc<str>, config: &EventsConfig) -> (Arc<Catalog>, Arc<Feeds>) {
    let limits = FeedLimits {
        messages: config.retained_messages.get(),
        bytes: config.retained_bytes.get(),
        bytes_in_all: config.retained_bytes_in_all.get(),
    };
    let feeds = Arc::new(Feeds::new(run_id, limits));
    for (org_id, channel) in draft.all_channels() {
        feeds.open(org_id, &channel.id);
    }
    let followers = Arc::clone(&feeds);
    let catalog = Catalog::new(draft, move |change| match change {
        Change::ChannelCreated { org_id, channel_id, .. } => followers.open(org_id, channel_id),
        Change::ChannelDeleted { org_id, channel_id } => followers.close(org_id, channel_id),
        Change::Org { .. } | Change::Device { .. } | Change::ChannelUpdated { .. } => {}
    });
    (Arc::new(catalog), feeds)
}
